"""The partner's way with the client of openapi-python-client."""

import os

from portico_client import AuthenticatedClient
from portico_client.api.api_keys import create_api_key
from portico_client.api.chakra_keys import store_chakra_key
from portico_client.api.chakra_send_session_messages import whatsapp_messages
from portico_client.api.customers import create_customer
from portico_client.api.phone_numbers import list_phone_numbers
from portico_client.api.plugins import make_plugin, sync_plugin
from portico_client.api.tenants import create_tenant
from portico_client.models import (
    CreateApiKeyBody,
    CreateChakraKey,
    CreateCustomer,
    CreatePluginBody,
    CreateTenant,
    SendSessionMessageRequest,
    SendSessionMessageRequestMessagingProduct,
    SendSessionMessageRequestText,
)
from sign_up import sign_up


def bearing(token: str) -> AuthenticatedClient:
    return AuthenticatedClient(base_url=os.environ["PORTICO_URL"], token=token, raise_on_unexpected_status=True)


operator = bearing(os.environ["OPERATOR_TOKEN"])
tenant = create_tenant.sync(client=operator, body=CreateTenant(name="openapi-python-client"))
key = create_api_key.sync(
    client=operator, body=CreateApiKeyBody(name="Owner", role="owner"), portico_tenant=tenant.id
)
client = bearing(key.secret)
store_chakra_key.sync(client=client, body=CreateChakraKey(name="Main", access_token=os.environ["CHAKRA_KEY"]))
customer = create_customer.sync(client=client, body=CreateCustomer(external_id="shop 1/ü", name="Shop"))
plugin = make_plugin.sync(client=client, body=CreatePluginBody(customer_id=customer.id))
sign_up(str(plugin.id))
sync_plugin.sync(plugin.id, client=client)
numbers = list_phone_numbers.sync(client=client, plugin_id=plugin.id)
text = SendSessionMessageRequest(
    messaging_product=SendSessionMessageRequestMessagingProduct.WHATSAPP,
    to="15550001111",
    type_="text",
    text=SendSessionMessageRequestText(body="Hello"),
)
message = whatsapp_messages.sync(plugin.id, "v24.0", numbers.data[0].id, client=client, body=text)
assert message.field_data.whatsapp_message_id.startswith("wamid."), message
print("done")
