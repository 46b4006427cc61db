"""The partner's way with the client that openapi-generator makes for Python."""

import os

import portico_og as portico
from sign_up import sign_up


def bearing(token: str) -> portico.ApiClient:
    return portico.ApiClient(portico.Configuration(host=os.environ["PORTICO_URL"], access_token=token))


operator = bearing(os.environ["OPERATOR_TOKEN"])
tenant = portico.TenantsApi(operator).create_tenant(portico.CreateTenant(name="openapi-generator"))
body = portico.CreateApiKeyBody(name="Owner", role="owner")
key = portico.ApiKeysApi(operator).create_api_key(body, portico_tenant=tenant.id)
own = bearing(key.secret)
chakra_key = portico.CreateChakraKey(name="Main", access_token=os.environ["CHAKRA_KEY"])
portico.ChakraKeysApi(own).store_chakra_key(chakra_key)
customer = portico.CustomersApi(own).create_customer(portico.CreateCustomer(external_id="shop 1/ü", name="Shop"))
plugin = portico.PluginsApi(own).make_plugin(portico.CreatePluginBody(customer_id=customer.id))
sign_up(str(plugin.id))
portico.PluginsApi(own).sync_plugin(plugin.id)
numbers = portico.PhoneNumbersApi(own).list_phone_numbers(plugin_id=plugin.id)
text = portico.SendSessionMessageRequest(
    messaging_product="whatsapp",
    to="15550001111",
    type="text",
    text=portico.SendSessionMessageRequestText(body="Hello"),
)
message = portico.ChakraSendSessionMessagesApi(own).whatsapp_messages(
    plugin.id, "v24.0", numbers.data[0].id, portico.WhatsappMessagesRequest(text)
)
assert message.data.whatsapp_message_id.startswith("wamid."), message
print("done")
