//! What stands around the operations: title, servers, tags.

use portico_chakra::operations;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Info, InfoBuilder, LicenseBuilder, OpenApi, Server, Tag};

use super::management;

const DESCRIPTION: &str = "\
Portico stands between a product and ChakraHQ's WhatsApp API. It keeps the Chakra keys, knows which plugin, WhatsApp \
Business Account and phone number belongs to which customer, and forwards only the calls that a key may make, on only \
the things that the key's tenant owns.

## Two surfaces

- **Chakra-compatible calls** (`/v1/ext/…`, `/v1/whatsapp/…`, `/plugin…`, `/v1/health`): Chakra's own methods, paths, \
bodies and envelopes. A client made for Chakra works after a change of base URL and token. Their tags begin with \
`Chakra:`. Where Chakra's contract is not documented, `x-portico-confidence` says how well it is known.
- **Portico's own API** (`/api/v1/…`): tenants, API keys, roles, Chakra keys, customers and what belongs to them.

## Credentials

Send an API key as `Authorization: Bearer ptc_…`. A key has a role; each operation names the permission that the role \
must hold (`x-portico-permission`). A key may be limited to some customers, phone numbers and addresses. Whatever lies \
outside of its tenant or its limits is answered like something that does not exist. Where a key must not be, in a \
browser for one, send a short-lived [token](/docs/tokens) instead: a JWT that a key mints and that can do no more. The operator sends its token instead, \
and names the tenant to act on with the header `Portico-Tenant: ten_…`.

## Errors

Compatible calls answer errors in Chakra's envelope, with an empty `_data`: \
`{\"_data\":[],\"_meta\":{\"requestId\":\"…\",\"source\":\"portico\",\"code\":\"…\"},\"_errors\":[\"text\"]}`. Answers without \
`source` are Chakra's own and pass unchanged, a 200 with filled `_errors` included. Portico's own API answers errors as \
`application/problem+json` (RFC 9457). The `code` is stable on both; [all codes](/docs/problems) are listed with what to do.

## Request ids

Every answer carries `X-Request-Id`. Send your own to find a call again in logs and in `GET /api/v1/requests`; else \
Portico makes one. `Portico-Operation` names the operation that a compatible call was taken for.";

/// What each tag is about; the tags of compatible calls without their prefix.
const COMPATIBLE_TAGS: &[(&str, &str)] = &[
    ("Send template messages", "Messages from approved templates: possible at any time."),
    ("Send session messages", "Free messages within 24 hours of the person's last one; read receipts."),
    ("Message templates", "Templates of a WABA, in Meta's own form."),
    ("Media", "Files for messages, and files of received messages."),
    ("Flows", "The key with which Meta encrypts flows for a business."),
    ("Groups", "Groups of a phone number, in Meta's own form; the paths are inferred."),
    ("Partner access", "Connecting customers, configuring their plugins, disconnecting them."),
    ("Plugins", "Chakra's containers of one customer's WhatsApp set-up."),
    ("WhatsApp accounts", "WhatsApp Business Accounts and phone numbers."),
    ("Calling", "Calls and their settings, in Meta's own form."),
    ("Chats", "Chakra's record of conversations."),
    ("Campaigns", "Lead campaigns of the Chakra team."),
    ("Leads", "Leads of the Chakra team."),
    ("Processes", "Records of the Chakra team's modules, and their tasks."),
    ("Background jobs", "What works on many processes at once."),
    ("Users", "The people of the Chakra team."),
    ("Photos", "Pictures that the Chakra team stores."),
    ("Platform", "What reaches the whole Chakra team."),
    ("Health", "Whether Chakra answers, with the credential of the call."),
];

const MANAGEMENT_TAGS: &[(&str, &str)] = &[
    ("tenants", "The SaaS companies on this Portico. For the operator."),
    ("tenant", "The caller's own tenant and its settings."),
    ("session", "Who calls; and the sessions of people who signed in with a browser."),
    ("members", "The people of the tenant."),
    ("invitations", "How people become members."),
    ("api-keys", "Keys that Portico issues: a role, and limits."),
    ("tokens", "Short-lived tokens (JWTs) that do no more than their minter, and the keys that verify them."),
    ("signing-keys", "The keys that sign tokens. For the operator."),
    ("roles", "Named sets of permissions, built in and your own."),
    ("permissions", "Everything that a role may allow."),
    ("chakra-keys", "Access tokens that Chakra issued to the tenant. Sealed; nobody reads them back."),
    ("customers", "The businesses that the tenant onboards."),
    ("plugins", "Plugins as Portico records them, and their configuration, desired and observed."),
    ("wabas", "WhatsApp Business Accounts."),
    ("phone-numbers", "Phone numbers, their health, and which are active."),
    ("lookup", "From whatever is known of a customer to its plugin and phone numbers."),
    ("hooks", "Where Chakra posts events to, and what it signs them with."),
    ("events", "What Chakra told, one row for each message, status or change; and what is in quarantine."),
    ("requests", "The log of proxied calls: metadata only."),
    ("audit-log", "Who did what in the tenant, from where, and what was refused; chained, so that changes show."),
    ("operator", "The log of what the operator did beyond tenants."),
    ("usage", "Aggregated usage."),
    ("health", "Liveness and readiness of this Portico."),
];

/// The document's title page.
pub(super) fn info() -> Info {
    let license = LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build();
    InfoBuilder::new()
        .title("Portico")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(license))
        .build()
}

/// Where the calls go: the Portico with that address, else the one that serves the document.
pub(super) fn servers(public_url: Option<&str>) -> Vec<Server> {
    vec![Server::new(public_url.unwrap_or("/"))]
}

/// The tag of a group of compatible operations.
pub(super) fn compatible_tag(group: &str) -> String {
    format!("Chakra: {group}")
}

/// The tags of both surfaces in reading order, each with what it is about.
pub(super) fn tags(management: &OpenApi) -> Vec<Tag> {
    let mut all: Vec<Tag> = Vec::new();
    for operation in operations() {
        let known = COMPATIBLE_TAGS.iter().find(|(group, _)| *group == operation.group);
        push(&mut all, &compatible_tag(operation.group), known.map(|(_, what)| *what));
    }
    let declared = management.tags.clone().unwrap_or_default();
    for name in management::tags(management) {
        if let Some(tag) = declared.iter().find(|tag| tag.name == name && tag.description.is_some()) {
            all.push(tag.clone());
            continue;
        }
        let plain = name.to_lowercase().replace([' ', '_'], "-");
        let known = MANAGEMENT_TAGS.iter().find(|(tag, _)| *tag == plain);
        push(&mut all, &name, known.map(|(_, what)| *what));
    }
    all
}

fn push(all: &mut Vec<Tag>, name: &str, what: Option<&str>) {
    if all.iter().all(|tag| tag.name != name) {
        all.push(TagBuilder::new().name(name).description(what).build());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_of_the_catalogue_says_what_it_is_about() {
        for tag in tags(&OpenApi::default()) {
            assert!(tag.description.is_some(), "COMPATIBLE_TAGS lacks {}", tag.name);
        }
    }
}
