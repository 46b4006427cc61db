"""Keeps a run of Schemathesis on what exists, and from cutting off the branch that it sits on.

PORTICO_FUZZ holds JSON: `known` names what exists (lists of ids by kind; calls go to the first of
each, which is kept alive, and calls that end something to the others), `report` is the file that gets
the statuses seen of each operation.
"""

import atexit
import itertools
import json
import os
from collections import Counter, defaultdict

import schemathesis

PLAN = json.loads(os.environ["PORTICO_FUZZ"])
KNOWN = PLAN["known"]
KEPT = {ids[0]: kind for kind, ids in KNOWN.items()}
SEEN = defaultdict(Counter)

# The ids of the document's examples, and what stands in for them.
EXAMPLES = {
    "11111111-2222-4333-8444-555555555555": "plugins",
    "100200300400500": "wabas",
    "200300400500600": "phone-numbers",
    "cus_01h455vb4pex5vsknk084sn02q": "customers",
    "ten_01h455vb4pex5vsknk084sn02q": "tenants",
}
# Path parameters of Chakra's paths.
PARAMETERS = {
    "pluginId": "plugins",
    "plugin_id": "plugins",
    "wabaId": "wabas",
    "whatsappPhoneNumberId": "phone-numbers",
    "phoneNumberId": "phone-numbers",
    "procedureShortId": "procedures",
    "primaryKeyOrId": "people",
    "groupId": "groups",
    "mediaId": "media",
    "whatsappMessageTemplateId": "templates",
    "chatId": "chats",
    "campaignId": "campaigns",
    "processId": "processes",
    "processIdOrPrimaryKey": "processes",
    "primaryKeyShortId": "primary-keys",
    "primaryKeyValue": "leads",
    "phoneNumber": "people",
    "backgroundJobId": "jobs",
    "photoId": "photos",
    "userId": "users",
    "other": "holders",
}
# What a thing does not survive; those that share a kind come first, each of them gets one of its own.
ENDS = [
    ("DELETE", "/api/v1/customers/{id}/connection"),
    ("DELETE", "/api/v1/plugins/{plugin_id}"),
    ("DELETE", "/plugin/{pluginId}"),
    ("POST", "/v1/ext/plugin/whatsapp/{pluginId}/disconnect-waba"),
    ("POST", "/v1/ext/plugin/whatsapp/{pluginId}/disconnect"),
    ("POST", "/v1/ext/whatsapp-business-account/{wabaId}/disconnect"),
    ("POST", "/v1/ext/whatsapp-partner/disconnect-waba"),
    ("DELETE", "/api/v1/api-keys/{id}"),
    ("PATCH", "/api/v1/api-keys/{id}"),
    ("POST", "/api/v1/api-keys/{id}/rotate"),
    ("DELETE", "/api/v1/chakra-keys/{id}"),
    ("POST", "/api/v1/chakra-keys/{id}/replace"),
    ("DELETE", "/api/v1/roles/{id}"),
    ("DELETE", "/api/v1/members/{id}"),
    ("DELETE", "/api/v1/tenants/{id}"),
    ("PATCH", "/api/v1/tenants/{id}"),
    ("DELETE", "/v1/whatsapp/{whatsappApiVersion}/{groupId}"),
    ("DELETE", "/v1/ext/plugin/whatsapp/{pluginId}/api/{whatsappApiVersion}/{groupId}"),
    ("DELETE", "/v1/ext/chat/{chatId}"),
    ("DELETE", "/v1/ext/procedure/{procedureShortId}/process/{processId}"),
    ("DELETE", "/v1/ext/procedure/{procedureShortId}/process/{primaryKeyShortId}/{primaryKeyValue}"),
]
# What makes another Chakra key the one that calls use.
CHOOSES = [("POST", "/api/v1/chakra-keys"), ("PATCH", "/api/v1/chakra-keys/{id}"), ("PATCH", "/api/v1/tenant")]
SETS_DEFAULT = ("POST", "/api/v1/chakra-keys/{id}/set-default")
# What Chakra must accept before it is stored.
STORES = [("POST", "/api/v1/chakra-keys"), ("POST", "/api/v1/chakra-keys/{id}/replace")]
ASKS_OF = ("GET", "/v1/whatsapp/{whatsappApiVersion}/{whatsappPhoneNumberId}/call_permissions")
DELETES_TEMPLATE = ("DELETE", "/v1/ext/plugin/whatsapp/api/{whatsappApiVersion}/{wabaId}/message_templates")
SHOWS_ATTACHMENT = ("GET", "/v2/whatsapp/{whatsappApiVersion}/media/whatsapp_business/attachments")
NAMES_PERSON = [
    ("POST", "/v1/ext/campaign/{campaignId}/phone-number"),
    ("DELETE", "/v1/ext/campaign/{campaignId}/phone-number"),
]
SWITCHES = ("PATCH", "/api/v1/phone-numbers/{id}")
# The sandbox gives back this part as it got it, whatever it is; what Chakra does with nonsense is not known.
ECHOED = {("POST", "/plugin"): "serverConfig", ("PUT", "/plugin/{pluginId}"): "serverConfig"}
# Where the example of the document exists after the first call: these fields get a new value each time.
FRESH = {
    ("POST", "/api/v1/customers"): "external_id",
    ("POST", "/api/v1/roles"): "name",
    ("PATCH", "/api/v1/roles/{id}"): "name",
    ("POST", "/api/v1/chakra-keys"): "name",
}
NUMBERS = itertools.count()
TURNS = itertools.count()
TOKENS = itertools.cycle(KNOWN.get("chakra-tokens", []))


def kind_of(parameter, path):
    """What a path parameter names; a kind that is not known where nothing of it exists."""
    return path.split("/")[3] if parameter == "id" else PARAMETERS.get(parameter)


def existing(kind, call):
    """What exists of a kind, for this call."""
    kept, *spare = KNOWN[kind]
    if kind == "plugins" and "{groupId}" in call[1]:
        # All groups are those of one plugin.
        return kept
    return spare[ENDS.index(call) % len(spare)] if call in ENDS and spare else kept


def stand_in(value, call):
    """The value with what exists in place of the ids of the document's examples, and spares what is kept."""
    if isinstance(value, dict):
        return {name: stand_in(one, call) for name, one in value.items()}
    if isinstance(value, list):
        return [stand_in(one, call) for one in value]
    if not isinstance(value, str):
        return value
    kind = EXAMPLES.get(value) or (KEPT.get(value) if call in ENDS else None)
    return existing(kind, call) if kind in KNOWN else value


def mostly():
    """Whether to put what exists in place of what was made up: two times of three."""
    return next(TURNS) % 3 != 0


@schemathesis.hook
def before_call(ctx, case, kwargs):
    call = (case.method.upper(), case.path)
    # Once for the whole call: an id that exists beside one that does not finds nothing.
    real = mostly()
    # What an earlier answer told is taken as it is.
    followed = case.meta is not None and case.meta.phase.name.value == "stateful"
    for name, value in (case.path_parameters or {}).items():
        kind = kind_of(name, case.path)
        if kind not in KNOWN:
            continue
        kept = KNOWN[kind][0]
        if call == SETS_DEFAULT:
            case.path_parameters[name] = kept
        elif value in EXAMPLES or (real and not followed) or (value == kept and call in ENDS):
            case.path_parameters[name] = existing(kind, call)
    if case.query:
        case.query = stand_in(case.query, call)
    if call == ASKS_OF and real:
        case.query["user_wa_id"] = KNOWN["people"][0]
    if call == DELETES_TEMPLATE and real:
        case.query = {"name": KNOWN["template-names"][0]}
    if call == SHOWS_ATTACHMENT and real:
        case.query["mid"] = KNOWN["media"][0]
    if call in NAMES_PERSON and isinstance(case.body, dict) and real:
        case.body["phoneNumber"] = KNOWN["people"][0]
    for name, value in (case.headers or {}).items():
        if name == "If-Match" and real:
            case.headers[name] = "*"
        elif name == "Portico-Tenant" and value in EXAMPLES and "tenants" in KNOWN:
            case.headers[name] = KNOWN["tenants"][0]
    if isinstance(case.body, dict):
        case.body = stand_in(case.body, call)
        if call in CHOOSES:
            case.body.pop("is_default", None)
            case.body.pop("default_chakra_key", None)
        if call in STORES and isinstance(case.body.get("access_token"), str) and "chakra-tokens" in KNOWN and real:
            case.body["access_token"] = next(TOKENS)
        if call == SWITCHES and case.body.get("is_active") is False:
            case.body["is_active"] = True
        if call in ECHOED and ECHOED[call] in case.body:
            case.body[ECHOED[call]] = {"passThroughWebhookUrl": "https://example.com/hooks/fuzzed"}
        field = FRESH.get(call)
        if isinstance(case.body.get(field), str) and real:
            case.body[field] = f"made-{next(NUMBERS)}"


@schemathesis.hook
def after_call(ctx, case, response):
    # Methods that the document does not name are tried as well.
    if case.method.upper() == case.operation.method.upper():
        SEEN[case.operation.label][response.status_code] += 1


@atexit.register
def report():
    with open(PLAN["report"], "w", encoding="utf-8") as file:
        json.dump(SEEN, file, indent=1, sort_keys=True)
