import { createClient } from "./hey-api/client";
import {
  createApiKey, createCustomer, createTenant, listPhoneNumbers, makePlugin, storeChakraKey, syncPlugin,
  whatsappMessages,
} from "./hey-api/sdk.gen";
import { base, chakraKey, externalId, operator, sent, signUp } from "./flow";

const bearing = (auth: string) => createClient({ baseUrl: base, auth, throwOnError: true });

const root = bearing(operator);
const { data: tenant } = await createTenant({ client: root, body: { name: "hey-api" }, throwOnError: true });
const key = await createApiKey({
  client: root,
  headers: { "Portico-Tenant": tenant.id },
  body: { name: "Owner", role: "owner" },
  throwOnError: true,
});
const client = bearing(key.data.secret);
await storeChakraKey({ client, body: { name: "Main", access_token: chakraKey }, throwOnError: true });
const customer = await createCustomer({ client, body: { external_id: externalId, name: "Shop" }, throwOnError: true });
const plugin = await makePlugin({ client, body: { customer_id: customer.data.id }, throwOnError: true });
await signUp(plugin.data.id);
await syncPlugin({ client, path: { plugin_id: plugin.data.id }, throwOnError: true });
const numbers = await listPhoneNumbers({ client, query: { plugin_id: plugin.data.id }, throwOnError: true });
const message = await whatsappMessages({
  client,
  path: { pluginId: plugin.data.id, whatsappApiVersion: "v24.0", whatsappPhoneNumberId: numbers.data.data[0]!.id },
  body: { messaging_product: "whatsapp", to: "15550001111", type: "text", text: { body: "Hello" } },
  throwOnError: true,
});
sent(message.data._data.whatsappMessageId);
