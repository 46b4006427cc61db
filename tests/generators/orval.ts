import {
  createApiKey, createCustomer, createTenant, listPhoneNumbers, makePlugin, storeChakraKey, syncPlugin,
  whatsappMessages,
} from "./orval/api";
import { base, chakraKey, externalId, operator, sent, signUp } from "./flow";

// The generated functions call paths alone.
const plain = globalThis.fetch;
globalThis.fetch = (path, init) => plain(new URL(String(path), base), init);
const bearing = (token: string, more: Record<string, string> = {}): RequestInit => ({
  headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}`, ...more },
});

/** The body of an answer with that status. */
function ok<S extends number, T extends { status: number; data: unknown }>(
  status: S,
  answer: T,
): Extract<T, { status: S }>["data"] {
  if (answer.status !== status) throw new Error(`${answer.status}: ${JSON.stringify(answer.data)}`);
  return (answer as Extract<T, { status: S }>).data;
}

const tenant = ok(201, await createTenant({ name: "orval" }, bearing(operator)));
const key = ok(
  201,
  await createApiKey({ name: "Owner", role: "owner" }, bearing(operator, { "Portico-Tenant": tenant.id })),
);
const own = bearing(key.secret);
ok(201, await storeChakraKey({ name: "Main", access_token: chakraKey }, own));
const customer = ok(201, await createCustomer({ external_id: externalId, name: "Shop" }, own));
const plugin = ok(201, await makePlugin({ customer_id: customer.id }, own));
await signUp(plugin.id);
ok(200, await syncPlugin(plugin.id, own));
const numbers = ok(200, await listPhoneNumbers({ plugin_id: plugin.id }, own));
const message = ok(
  200,
  await whatsappMessages(
    plugin.id,
    "v24.0",
    numbers.data[0]!.id,
    { messaging_product: "whatsapp", to: "15550001111", type: "text", text: { body: "Hello" } },
    own,
  ),
);
sent(message._data.whatsappMessageId);
