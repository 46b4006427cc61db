import { Api } from "./swagger-typescript-api/api";
import { base, chakraKey, externalId, operator, sent, signUp } from "./flow";

function bearing(token: string): Api<string> {
  const api = new Api<string>({
    baseUrl: base,
    securityWorker: (given) => ({ headers: { Authorization: `Bearer ${given}` } }),
  });
  api.setSecurityData(token);
  return api;
}

const { data: tenant } = await bearing(operator).api.createTenant({ name: "swagger-typescript-api" });
const key = await bearing(operator).api.createApiKey(
  { name: "Owner", role: "owner" },
  { headers: { "Portico-Tenant": tenant.id } },
);
const client = bearing(key.data.secret);
await client.api.storeChakraKey({ name: "Main", access_token: chakraKey });
const customer = await client.api.createCustomer({ external_id: externalId, name: "Shop" });
const plugin = await client.api.makePlugin({ customer_id: customer.data.id });
await signUp(plugin.data.id);
await client.api.syncPlugin(plugin.data.id);
const numbers = await client.api.listPhoneNumbers({ plugin_id: plugin.data.id });
const message = await client.v1.whatsappMessages(plugin.data.id, "v24.0", numbers.data.data[0]!.id, {
  messaging_product: "whatsapp",
  to: "15550001111",
  type: "text",
  text: { body: "Hello" },
});
sent(message.data._data.whatsappMessageId);
