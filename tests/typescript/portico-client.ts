// The partner's way with a client whose types are generated from the OpenAPI document.
//
// PORTICO_URL and OWNER_KEY say whom to call; CUSTOMER_ID, PLUGIN_ID and PHONE_NUMBER_ID are those of a
// connected customer, OTHER_PLUGIN_ID belongs to another one. What does not hold ends it with a failure.
// `portico-api.ts` is made by openapi-typescript before this is compiled. A `@ts-expect-error` fails to
// compile where the types allow what the document forbids.

import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./portico-api.js";

type Problem = components["schemas"]["Problem"];
type ChakraError = components["schemas"]["ChakraError"];

function setting(name: string): string {
  const value = process.env[name];
  assert.ok(value, `${name} is not set`);
  return value;
}

const baseUrl = setting("PORTICO_URL");
const customerId = setting("CUSTOMER_ID");
const pluginId = setting("PLUGIN_ID");
const otherPluginId = setting("OTHER_PLUGIN_ID");
const phoneNumberId = setting("PHONE_NUMBER_ID");

const bearing = (key: string) =>
  createClient<paths>({
    baseUrl,
    headers: { Authorization: `Bearer ${key}` },
    fetch: (request) => fetch(request, { signal: AbortSignal.timeout(30_000) }),
  });

/** The data of a call that has to succeed with that status. */
function ok<T>(status: number, answer: { data?: T; error?: unknown; response: Response }): T {
  assert.equal(answer.response.status, status, JSON.stringify(answer.error));
  assert.ok(answer.data !== undefined, `${answer.response.url} answered no body`);
  return answer.data;
}

/** The problem of a call that has to fail with that status and code. */
function problem(status: number, code: string, answer: { error?: Problem; response: Response }): Problem {
  assert.equal(answer.response.status, status, JSON.stringify(answer.error));
  assert.match(answer.response.headers.get("content-type") ?? "", /^application\/problem\+json/);
  assert.ok(answer.error !== undefined);
  assert.equal(answer.error.code, code);
  assert.equal(answer.error.status, status);
  assert.equal(answer.error.request_id, answer.response.headers.get("x-request-id"));
  return answer.error;
}

/** The code of an error of Portico on the compatible surface. */
function envelope(status: number, answer: { error?: ChakraError; response: Response }): string | undefined {
  assert.equal(answer.response.status, status, JSON.stringify(answer.error));
  assert.equal(answer.error?._meta?.source, "portico");
  assert.equal(typeof answer.error._errors[0], "string");
  return answer.error._meta.code;
}

const owner = bearing(setting("OWNER_KEY"));

// A customer, and the same one again.
const created = ok(
  201,
  await owner.POST("/api/v1/customers", {
    body: { external_id: "typescript-1", name: "TypeScript Shop", metadata: { plan: "pro" } },
  }),
);
// The compiler knows the states as they are spelled.
const status: "new" | "connected" | "disconnected" = created.status;
assert.equal(status, "new");
const ensured = ok(
  200,
  await owner.PUT("/api/v1/customers/by-external-id/{external_id}", {
    params: { path: { external_id: "typescript-1" } },
    body: { name: "TypeScript Shop" },
  }),
);
assert.equal(ensured.id, created.id);

// A field that the document does not name is refused, by the compiler and by Portico.
const nicknamed: components["schemas"]["CreateCustomer"] = {
  external_id: "typescript-2",
  name: "Shop",
  // @ts-expect-error: there is no such field
  nickname: "shop",
};
const wrong = problem(422, "validation_failed", await owner.POST("/api/v1/customers", { body: nicknamed }));
assert.deepEqual(wrong.errors?.map((error) => error.pointer), ["/nickname"]);

// A key for one customer; its secret is shown once.
const limited = ok(
  201,
  await owner.POST("/api/v1/api-keys", { body: { name: "Limited", role: "developer", customers: [customerId] } }),
);
const shown = ok(200, await owner.GET("/api/v1/api-keys/{id}", { params: { path: { id: limited.id } } }));
assert.equal("secret" in shown, false);
assert.deepEqual(shown.customers, [customerId]);
const developer = bearing(limited.secret);

// It lists what is that customer's, and nothing else. All pages, one row each.
const plugins: components["schemas"]["Plugin"][] = [];
let cursor: string | undefined;
do {
  const page: components["schemas"]["List_Plugin"] = ok(
    200,
    await developer.GET("/api/v1/plugins", { params: { query: { limit: 1, cursor } } }),
  );
  plugins.push(...page.data);
  cursor = page.next_cursor ?? undefined;
} while (cursor !== undefined);
assert.deepEqual(plugins.map((plugin) => [plugin.id, plugin.status]), [[pluginId, "connected"]]);
const numbers = ok(200, await developer.GET("/api/v1/phone-numbers", { params: { query: { plugin_id: pluginId } } }));
assert.deepEqual(numbers.data.map((number) => number.id), [phoneNumberId]);

// The configuration changes for who knows its version.
const plugin = { path: { plugin_id: pluginId } };
const before = await owner.GET("/api/v1/plugins/{plugin_id}/configuration", { params: plugin });
ok(200, before);
const tag = before.response.headers.get("etag");
assert.ok(tag, "the configuration has an ETag");
const wanted = { pass_through_webhook_url: "https://example.com/hooks/typescript", chakra_webhook_events: ["message" as const] };
const patched = ok(
  200,
  await owner.PATCH("/api/v1/plugins/{plugin_id}/configuration", {
    params: { ...plugin, header: { "If-Match": tag } },
    body: wanted,
  }),
);
assert.equal(patched.desired.pass_through_webhook_url, wanted.pass_through_webhook_url);
assert.deepEqual(patched.desired.chakra_webhook_events, wanted.chakra_webhook_events);
problem(
  412,
  "precondition_failed",
  await owner.PATCH("/api/v1/plugins/{plugin_id}/configuration", {
    params: { ...plugin, header: { "If-Match": tag } },
    body: wanted,
  }),
);
problem(
  428,
  "precondition_required",
  // @ts-expect-error: the header is required
  await owner.PATCH("/api/v1/plugins/{plugin_id}/configuration", { params: plugin, body: wanted }),
);

// A message on the compatible surface.
const messages = "/v1/ext/plugin/whatsapp/{pluginId}/api/{whatsappApiVersion}/{whatsappPhoneNumberId}/messages" as const;
const messaging = ok(
  201,
  await owner.POST("/api/v1/api-keys", { body: { name: "Sender", role: "messaging", customers: [customerId] } }),
);
const sender = bearing(messaging.secret);
const number = { pluginId, whatsappApiVersion: "v24.0", whatsappPhoneNumberId: phoneNumberId };
const sent = ok(
  200,
  await sender.POST(messages, {
    params: { path: number },
    body: { messaging_product: "whatsapp", to: "15550001111", type: "text", text: { body: "Hello from TypeScript" } },
  }),
);
// The id is there for all but read receipts, which have the same path.
assert.match(sent._data.whatsappMessageId ?? "", /^wamid\./);

// What is another customer's looks like what is nobody's: 404, on both surfaces.
problem(
  404,
  "not_found",
  await developer.GET("/api/v1/plugins/{plugin_id}", { params: { path: { plugin_id: otherPluginId } } }),
);
const foreign = await sender.POST(messages, {
  params: { path: { ...number, pluginId: otherPluginId } },
  body: { messaging_product: "whatsapp", to: "15550001111", type: "text", text: { body: "Not theirs" } },
});
assert.equal(envelope(404, foreign), "plugin_not_found");

// What the role does not allow: 403, on both surfaces.
problem(
  403,
  "permission_denied",
  await sender.POST("/api/v1/customers", { body: { external_id: "typescript-3", name: "Not allowed" } }),
);
const team = await sender.GET("/v1/ext/config");
assert.equal(envelope(403, team), "permission_denied");

// A deleted customer is gone.
const id = { path: { id: created.id } };
assert.equal((await owner.DELETE("/api/v1/customers/{id}", { params: id })).response.status, 204);
problem(404, "not_found", await owner.GET("/api/v1/customers/{id}", { params: id }));

console.log("done");
