// A program as a client of Chakra's API would write it: it knows nothing of Portico.
//
// BASE_URL and TOKEN say whom to call; PLUGIN_ID, WABA_ID and PHONE_NUMBER_ID are those of a connected
// set-up. STEPS names the steps to go, in order, separated by commas. It prints what it learned as JSON:
// ids, links, tokens and times are replaced by placeholders in the order of their first sight, so that
// two servers that behave alike print the same bytes.

import assert from "node:assert/strict";

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
type Query = Record<string, string | number>;

function setting(name: string): string {
  const value = process.env[name];
  assert.ok(value, `${name} is not set`);
  return value;
}

const baseUrl = setting("BASE_URL");
const token = setting("TOKEN");
const pluginId = setting("PLUGIN_ID");
const wabaId = setting("WABA_ID");
const phoneNumberId = setting("PHONE_NUMBER_ID");
const person = "15550001111";
const plugin = `/v1/ext/plugin/whatsapp/${pluginId}`;
const number = `/v1/whatsapp/v24.0/${phoneNumberId}`;
const messages = `${plugin}/api/v24.0/${phoneNumberId}/messages`;
const nobody = "99999999-8888-4777-8666-555555555555";

/** What a call that failed throws, as Chakra's own SDK does. */
class ChakraError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** A field of something that may be no object. */
function at(value: Json | undefined, ...path: (string | number)[]): Json | undefined {
  let found = value;
  for (const name of path) {
    if (Array.isArray(found) && typeof name === "number") found = found[name];
    else if (found !== null && typeof found === "object" && !Array.isArray(found)) found = found[name];
    else return undefined;
  }
  return found;
}

function text(value: Json | undefined): string {
  assert.equal(typeof value, "string", `expected a text, not ${JSON.stringify(value)}`);
  return value as string;
}

function list(value: Json | undefined): Json[] {
  assert.ok(Array.isArray(value), `expected a list, not ${JSON.stringify(value)}`);
  return value;
}

/** The first thing in an error's body that is meant for people, else the status. */
function reason(status: number, body: Json | undefined): string {
  for (const found of [at(body, "_errors", 0), at(body, "error", "message"), at(body, "message")]) {
    if (typeof found === "string" && found !== "") return found;
  }
  return `HTTP ${status}`;
}

async function answer(method: string, url: string, init: RequestInit, bearer = token): Promise<Response> {
  const headers = { Accept: "application/json", Authorization: `Bearer ${bearer}`, ...init.headers };
  return fetch(url, { ...init, method, headers, redirect: "manual", signal: AbortSignal.timeout(30_000) });
}

async function read(response: Response): Promise<Json> {
  const raw = await response.text();
  let body: Json | undefined;
  try {
    body = JSON.parse(raw) as Json;
  } catch {
    body = undefined;
  }
  // Filled `_errors` mean failure, whatever the status.
  if (!response.ok || list(at(body, "_errors") ?? []).length > 0) {
    throw new ChakraError(response.status, reason(response.status, body));
  }
  assert.ok(body !== undefined, `${response.url} answered no JSON`);
  return body;
}

function link(path: string, query: Query = {}): string {
  const url = new URL(path, baseUrl);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
  return url.href;
}

async function call(method: string, path: string, body?: Json | FormData, query?: Query): Promise<Json> {
  if (body instanceof FormData) return read(await answer(method, link(path, query), { body }));
  const headers = { "Content-Type": "application/json" };
  const init = body === undefined ? {} : { body: JSON.stringify(body), headers };
  return read(await answer(method, link(path, query), init));
}

const get = (path: string, query?: Query) => call("GET", path, undefined, query);
const post = (path: string, body: Json | FormData) => call("POST", path, body);

// ---- The transcript

const transcript: Json[] = [];
const placeholders = new Map<string, string>();
const counts = new Map<string, number>();

/** The same placeholder for the same text, numbered within its kind. */
function placeholder(kind: string, value: string): string {
  const known = placeholders.get(value);
  if (known !== undefined) return known;
  const count = (counts.get(kind) ?? 0) + 1;
  counts.set(kind, count);
  const name = `<${kind} ${count}>`;
  placeholders.set(value, name);
  return name;
}

/** Fields whose texts are different on each run, whatever they look like. */
const OPAQUE = new Set(["connectToken", "fbtrace_id", "requestId", "request_id", "after", "before", "sha256", "sdp"]);
/** Texts of this program's own, which stay as they are. */
const OWN = new Set([person, nobody, "v24.0"]);

function normalText(name: string, value: string): string {
  if (OWN.has(value) || value === "") return value;
  if (OPAQUE.has(name)) return placeholder("opaque", value);
  // How far a message has come depends on when one asks.
  if (name === "deliveryStatus") return "<status>";
  return value
    .replace(/https?:\/\/[^\s"]+/g, (found) => placeholder("url", found))
    .replace(/wamid\.[\w+/=-]+/g, (found) => placeholder("wamid", found))
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi, (found) => (OWN.has(found) ? found : placeholder("uuid", found)))
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, () => "<time>")
    .replace(/Y2Fw[\w+/=-]{8,}/g, (found) => placeholder("group", found))
    .replace(/\+?\d[\d ()-]{8,}\d/g, (found) => (OWN.has(found) ? found : placeholder("digits", found)));
}

/** A value with its fields in order and placeholders in place of what differs from run to run. */
function normal(value: Json | undefined, name = ""): Json {
  if (value === undefined || value === null) return null;
  if (typeof value === "string") return normalText(name, value);
  if (typeof value === "number") return value > 1e9 ? "<time or id>" : value;
  if (typeof value === "boolean") return value;
  if (Array.isArray(value)) return value.map((one) => normal(one, name));
  const fields = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(fields.map(([field, one]) => [normalText("", field), normal(one, field)]));
}

function note(what: string, value: Json | undefined): void {
  transcript.push({ [what]: normal(value) });
}

/** Notes how a call fails; that it does not is noted too. */
async function refusal(what: string, made: () => Promise<Json>): Promise<void> {
  try {
    note(`${what}: taken`, await made());
  } catch (error) {
    if (!(error instanceof ChakraError)) throw error;
    note(what, { status: error.status, message: error.message });
  }
}

/** Asks until the answer is as wanted: Chakra settles late. */
async function until(made: () => Promise<Json>, holds: (found: Json) => boolean): Promise<Json> {
  for (const end = Date.now() + 20_000; ; ) {
    const found = await made();
    if (holds(found)) return found;
    assert.ok(Date.now() < end, `still not so: ${JSON.stringify(found)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function file(name: string, type: string, bytes: Uint8Array): FormData {
  const form = new FormData();
  form.append("file", new Blob([bytes], { type }), name);
  return form;
}

const PIXEL = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

const textMessage = (to: string, body: string) => ({ messaging_product: "whatsapp", to, type: "text", text: { body } });

// ---- The steps

async function health(): Promise<void> {
  note("health", await get("/v1/health"));
}

/** What the set-up consists of, by plugin and as a whole. */
async function accounts(): Promise<void> {
  note("numbers", await get("/v1/ext/whatsapp-phone-number"));
  note("numbers of the plugin", await get("/v1/ext/whatsapp-phone-number", { pluginId }));
  note("number", await get(`/v1/ext/whatsapp-phone-number/${phoneNumberId}`));
  note("accounts", await get("/v1/ext/whatsapp-business-account", { pluginId }));
  await refusal("number of nobody", () => get("/v1/ext/whatsapp-phone-number/999999999999999"));
}

/** A plugin as the console would show and change it. Of its `auth`, only what is needed. */
async function plugins(): Promise<void> {
  const shown = at(await get(`/plugin/${pluginId}`), "_data");
  note("plugin", { type: at(shown, "type") ?? null, isActive: at(shown, "isActive") ?? null });
  note("plugin's settings", at(shown, "serverConfig"));
  const made = at(await post("/plugin", { type: "whatsapp", name: "made-here" }), "_data");
  note("plugin made", made);
  const id = text(at(made, "id"));
  note("plugin read back", at(await get(`/plugin/${id}`), "_data"));
  note("plugin renamed", await call("PUT", `/plugin/${id}`, { pluginId: id, name: "renamed-here", isActive: true }));
  note("connect token", await post("/v1/ext/whatsapp-partner/create-connect-token", { pluginId: id }));
  note("plugin deleted", await call("DELETE", `/plugin/${id}`));
  await refusal("deleted plugin", () => get(`/plugin/${id}`));
  await refusal("plugin of nobody", () => get(`/plugin/${nobody}`));
}

/** Where events go, changed and read back. */
async function configuration(): Promise<void> {
  note("configuration", await get(`${plugin}/config`));
  const passThroughWebhookUrl = "https://example.com/hooks/chakra-client";
  const wanted = { passThroughWebhookUrl, enableMessageEchoesForPassThroughWebhook: true };
  note("configuration changed", await post(`${plugin}/update-config`, wanted));
  const holds = (found: Json) => at(found, "_data", "passThroughWebhookUrl") === passThroughWebhookUrl;
  note("configuration read back", await until(() => get(`${plugin}/config`), holds));
  await refusal("configuration of nobody", () => get(`/v1/ext/plugin/whatsapp/${nobody}/config`));
}

/** Public media, and a message that shows it. */
async function media(): Promise<void> {
  const uploaded = await post(`${plugin}/upload-public-media`, file("photo.png", "image/png", PIXEL));
  note("media", uploaded);
  const image = { link: text(at(uploaded, "_data", "publicMediaUrl")), caption: "Your order" };
  note("image sent", await post(messages, { messaging_product: "whatsapp", to: person, type: "image", image }));
  await refusal("form without a file", () => post(`${plugin}/upload-public-media`, new FormData()));
}

/** Every way to send. */
async function sends(): Promise<void> {
  const sent = await post(messages, textMessage(person, "Your order is on its way"));
  note("text", sent);
  const id = text(at(sent, "_data", "whatsappMessageId"));
  const context = { message_id: id };
  note("reply", await post(messages, { ...textMessage(person, "It has arrived"), context }));
  note("read", await post(messages, { messaging_product: "whatsapp", status: "read", message_id: id }));
  const body = { type: "body", parameters: [{ type: "text", text: "Ada" }, { type: "text", text: "42" }] };
  const template = { name: "order_ready", language: { code: "en_US" }, components: [body] };
  const inMetasForm = { messaging_product: "whatsapp", to: person, type: "template", template };
  note("template in Meta's form", await post(messages, inMetasForm));
  const mapping = ["Ada", "42"].map((schemaPropertyValue, index) => ({
    schemaPropertyName: String(index + 1),
    schemaPropertyValue,
  }));
  const chakras = { whatsappPhoneNumberId: phoneNumberId, templateName: "order_ready", language: "en_US", mapping };
  note("template to a number", await post(`${plugin}/phoneNumber/${person}/send-template-message`, chakras));
  note("template for a process", await post(`${plugin}/process/lead/${person}/send-template-message`, chakras));
}

/** What Meta and Chakra refuse, and how it reads. */
async function refusals(): Promise<void> {
  await refusal("no product", () => post(messages, { to: person, type: "text", text: { body: "x" } }));
  await refusal("unknown template", () =>
    post(messages, {
      messaging_product: "whatsapp",
      to: person,
      type: "template",
      template: { name: "no_such_template", language: { code: "en_US" } },
    }),
  );
  await refusal("plugin of nobody", () => post(messages.replace(pluginId, nobody), textMessage(person, "x")));
  const stranger = await answer("GET", link("/v1/health"), {}, "not-a-token");
  // The words are each server's own.
  note("wrong token", { status: stranger.status, errors: list(at(JSON.parse(await stranger.text()), "_errors")).length });
}

/** Calls and their settings, in Meta's own form. */
async function calling(): Promise<void> {
  note("settings", await get(`${number}/settings`));
  note("settings changed", await post(`${number}/settings`, { calling: { status: "ENABLED" } }));
  const holds = (found: Json) => at(found, "calling", "status") === "ENABLED";
  note("settings read back", await until(() => get(`${number}/settings`), holds));
  note("permissions", await get(`${number}/call_permissions`, { user_wa_id: person }));
  await refusal("permissions of nobody", () => get(`${number}/call_permissions`));
}

/** Templates: made, listed page by page in both ways, deleted. */
async function templates(): Promise<void> {
  const path = `/v1/ext/plugin/whatsapp/api/v24.0/${wabaId}/message_templates`;
  const components = [{ type: "BODY", text: "Hello {{1}}", example: { body_text: [["Ada"]] } }];
  for (const name of ["made_here_1", "made_here_2", "made_here_3"]) {
    note("template made", await post(path, { name, category: "UTILITY", language: "en_US", components }));
  }
  // By cursors, as many clients do.
  const byCursor: Json[] = [];
  let after: string | undefined;
  do {
    const page: Json = await get(path, { limit: 2, fields: "name,status,language", ...(after && { after }) });
    byCursor.push(...list(at(page, "data")).map((one) => text(at(one, "name"))));
    after = at(page, "paging", "next") === undefined ? undefined : text(at(page, "paging", "cursors", "after"));
  } while (after !== undefined);
  // By the link to the next page, which has to stay on the same server: it gets the token.
  const byLink: Json[] = [];
  let next: string | undefined = link(path, { limit: 2 });
  while (next !== undefined) {
    assert.equal(new URL(next).origin, new URL(baseUrl).origin, `${next} leads away from ${baseUrl}`);
    const page: Json = await read(await answer("GET", next, {}));
    byLink.push(...list(at(page, "data")).map((one) => text(at(one, "name"))));
    const further: Json | undefined = at(page, "paging", "next");
    next = further === undefined ? undefined : text(further);
  }
  assert.deepEqual(byLink, byCursor);
  // Their order is not fixed.
  note("templates", [...byCursor].sort());
  for (const name of ["made_here_1", "made_here_2", "made_here_3"]) {
    note("template deleted", await call("DELETE", path, undefined, { name }));
  }
  await refusal("template deleted twice", () => call("DELETE", path, undefined, { name: "made_here_1" }));
  await refusal("template without a body", () => post(path, { name: "x", category: "UTILITY", language: "en_US" }));
}

/** A received file: MEDIA_ID names one. Its link has to stay on the same server: it gets the token. */
async function receivedMedia(): Promise<void> {
  const id = setting("MEDIA_ID");
  const told = await get(`/v1/whatsapp/v24.0/media/${id}`);
  note("media told", told);
  const url = text(at(told, "url"));
  assert.equal(new URL(url).origin, new URL(baseUrl).origin, `${url} leads away from ${baseUrl}`);
  for (const from of [url, link(`/v2/whatsapp/v24.0/media/${id}/show`)]) {
    const shown = await answer("GET", from, {});
    const bytes = (await shown.arrayBuffer()).byteLength;
    note("media shown", { status: shown.status, type: shown.headers.get("content-type"), bytes });
  }
}

/** A group from its making to its end. */
async function groups(): Promise<void> {
  note("group made", await post(`${number}/groups`, { messaging_product: "whatsapp", subject: "Order 42" }));
  const has = (found: Json) => list(at(found, "data", "groups")).some((one) => at(one, "subject") === "Order 42");
  const all = await until(() => get(`${number}/groups`), has);
  note("groups", all);
  const group = text(list(at(all, "data", "groups")).map((one) => at(one, "id"))[0]);
  const path = `/v1/whatsapp/v24.0/${encodeURIComponent(group)}`;
  note("group", await get(path));
  note("group's link", await get(`${path}/invite_link`));
  const toGroup = { ...textMessage(group, "Hello all"), recipient_type: "group" };
  note("message to the group", await post(messages, toGroup));
  note("group deleted", await call("DELETE", path));
}

/** Conversations and what was said in them. */
async function chats(): Promise<void> {
  await post(messages, textMessage(person, "For the list of chats"));
  const has = (found: Json) => list(at(found, "_data")).length > 0;
  const all = await until(() => post("/v1/ext/chat", { limit: 25, page: 1 }), has);
  note("chats", at(all, "_data"));
  const chat = text(at(all, "_data", 0, "id"));
  note("messages of the chat", at(await post(`/v1/ext/chat/${chat}/message`, { limit: 50, page: 1 }), "_data"));
  const whose = { customerPhoneNumber: person, limit: 50, page: 1 };
  note("messages of the person", at(await post(`${plugin.replace(`/${pluginId}`, "")}/list-chat-messages-for-phone-number`, whose), "_data"));
}

/** Records: one by one, listed, and many as a background job that is awaited. */
async function processes(): Promise<void> {
  const path = "/v1/ext/procedure/lead/process";
  const made = await post(path, { data: { name: "Ada", phone_number: "15550002222" } });
  note("record made", at(made, "_data"));
  const id = text(at(made, "_data", "id"));
  note("record", at(await get(`${path}/${id}`), "_data"));
  note("record changed", at(await call("PUT", `${path}/${id}`, { data: { name: "Ada L." } }), "_data"));
  note("records", await post(`${path}/list`, { where: { phone_number: "15550002222" }, limit: 10 }));
  const many = [{ phone_number: "15550003333", data: { name: "Grace" } }];
  const job = text(at(await post(`${path}/bulk-create`, many), "_data", "id"));
  // What a finished job is called is not known; its counts are.
  const left = (found: Json) => at(found, "_meta", "bjEntryCompletionStatusVsCount", "NOT_STARTED") === 0;
  note("job", await until(() => get(`/v1/ext/background-job/${job}`), left));
  note("job's entries", await get(`/v1/ext/background-job/${job}/entries`));
  note("record deleted", await call("DELETE", `${path}/${id}`));
  await refusal("deleted record", () => get(`${path}/${id}`));
}

/** The people of the team. */
async function users(): Promise<void> {
  const all = await get("/v1/ext/users");
  note("users", all);
  note("user", await get(`/v1/ext/user/${text(at(all, "_data", 0, "id"))}`));
  note("users in the newer form", await get("/v2/ext/users"));
}

/** A photo, uploaded and read back. What reading answers is not known: only its status is noted. */
async function photos(): Promise<void> {
  const form = new FormData();
  form.append("photo", new Blob([PIXEL], { type: "image/png" }), "photo.png");
  const uploaded = await post("/v1/ext/photo", form);
  note("photo", uploaded);
  const shown = await answer("GET", link(`/v1/ext/photo/${text(at(uploaded, "_data", "id"))}`), {});
  note("photo shown", { status: shown.status, type: shown.headers.get("content-type") });
}

const STEPS: Record<string, () => Promise<void>> = {
  health,
  accounts,
  plugins,
  configuration,
  media,
  sends,
  refusals,
  calling,
  templates,
  receivedMedia,
  groups,
  chats,
  processes,
  users,
  photos,
};

for (const name of setting("STEPS").split(",")) {
  const step = STEPS[name];
  assert.ok(step, `there is no step ${name}`);
  transcript.push(name);
  await step();
}
console.log(JSON.stringify(transcript, null, 1));
