// The way of a partner, as steps that each generated client takes with its own functions: tenant, key, Chakra key,
// customer, plugin, numbers, a message.

import assert from "node:assert/strict";

export function setting(name: string): string {
  const value = process.env[name];
  assert.ok(value, `${name} is not set`);
  return value;
}

export const base = setting("PORTICO_URL");
export const operator = setting("OPERATOR_TOKEN");
export const chakraKey = setting("CHAKRA_KEY");
/** An id of our own with what must be encoded in a path. */
export const externalId = "shop 1/ü";

/** Finishes the sign-up that a person would do in a browser. */
export async function signUp(plugin: string): Promise<void> {
  const answer = await fetch(`${setting("SANDBOX_URL")}/_sandbox/signups`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ plugin_id: plugin, outcome: "finish" }),
  });
  assert.ok(answer.ok, await answer.text());
}

/** What a message is answered with, as the client's types have it: no cast. */
export function sent(id: string | undefined): void {
  assert.match(id ?? "", /^wamid\./);
  console.log("done");
}
