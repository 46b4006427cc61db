/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
// People sign in with a real browser: by invitation and password, and at a real OpenID provider that
// runs in this very program.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import Provider from "oidc-provider";
import { chromium, type Page } from "playwright-core";

function env(name: string): string {
  const value = process.env[name];
  assert.ok(value, `${name} is not set`);
  return value;
}

const base = env("PORTICO_URL");
const pictures = process.env["PICTURES"];

/** The provider. Whoever types a name there is that account; its address is the name. */
function issuer(): Promise<Server> {
  const provider = new Provider(env("ISSUER_URL"), {
    clients: [
      {
        client_id: "portico",
        client_secret: env("CLIENT_SECRET"),
        redirect_uris: [`${base}/console/sign-in/provider/callback`],
      },
    ],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    pkce: { required: () => true },
    cookies: { keys: ["a key of this run only"] },
    findAccount: (_: unknown, id: string) => ({
      accountId: id,
      claims: () => ({
        sub: `account of ${id}`.slice(0, 255),
        email: id.replace("unverified-", ""),
        email_verified: !id.startsWith("unverified-"),
        name: "Ada Lovelace",
      }),
    }),
  });
  return new Promise((resolve) => {
    const server: Server = provider.listen(Number(env("ISSUER_PORT")), "127.0.0.1", () => resolve(server));
  });
}

async function picture(page: Page, name: string): Promise<void> {
  if (pictures === undefined) return;
  for (const [width, scheme] of [[400, "light"], [1200, "light"], [400, "dark"]] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 800 });
    await page.screenshot({ path: join(pictures, `${name}-${width}-${scheme}.png`), fullPage: true });
  }
}

/** What a page must be whatever it says: in one language, with one heading, labelled, and not wider than the window. */
async function sound(page: Page): Promise<void> {
  await page.setViewportSize({ width: 400, height: 800 });
  const found = await page.evaluate(() => {
    const labelled = (input: HTMLInputElement) => input.type === "hidden" || input.labels?.length === 1;
    return {
      language: document.documentElement.lang,
      headings: document.querySelectorAll("h1").length,
      unlabelled: [...document.querySelectorAll("input")].filter((input) => !labelled(input)).length,
      scripts: document.querySelectorAll("script,style,[style]").length,
      width: document.documentElement.scrollWidth,
      styled: getComputedStyle(document.querySelector("main") ?? document.body).borderRadius,
    };
  });
  assert.deepEqual(
    { ...found, width: found.width <= 400 },
    { language: "en", headings: 1, unlabelled: 0, scripts: 0, width: true, styled: "12px" },
  );
}

const heading = (page: Page): Promise<string | null> => page.textContent("h1");

async function atProvider(page: Page, account: string): Promise<void> {
  await page.waitForURL((url) => url.port === env("ISSUER_PORT"));
  await page.fill("input[name=login]", account);
  await page.fill("input[name=password]", "anything");
  await page.click("button[type=submit]");
  await page.click("button[type=submit]");
  await page.waitForURL((url) => url.origin === base);
}

async function run(page: Page): Promise<void> {
  const complaints: string[] = [];
  page.on("console", (message) => {
    // A form that is refused is an answer like another; the provider's own pages are its business.
    const ours = message.location().url.startsWith(base) && !message.text().includes("status of");
    if (message.type() === "error" && ours) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));

  // By invitation, with a password.
  await page.goto(env("PASSWORD_INVITATION"));
  assert.equal(await heading(page), "You are invited");
  await sound(page);
  await picture(page, "invitation");
  await page.fill("#password", "twelve chars");
  await page.fill("#repeat", "other  chars");
  await page.click("text=Accept the invitation");
  assert.match((await page.textContent("#wrong")) ?? "", /not the same/);
  await picture(page, "invitation-wrong");
  // With the keyboard alone.
  await page.focus("#password");
  await page.keyboard.type("a good long password");
  await page.keyboard.press("Tab");
  await page.keyboard.type("a good long password");
  await page.keyboard.press("Enter");
  await page.waitForURL(`${base}/console/`);
  assert.equal(await heading(page), "You are signed in");
  assert.match((await page.textContent("dl")) ?? "", /password@example\.com/);
  await sound(page);
  await picture(page, "home");
  const cookies = await page.context().cookies();
  const session = cookies.find((cookie) => cookie.name === "portico_session");
  assert.deepEqual([session?.httpOnly, session?.sameSite, session?.path], [true, "Lax", "/"]);
  // A page of the same origin may call the API with the session; a change needs the token.
  const other = await page.context().newPage();
  await other.goto(`${base}/docs`);
  const answers = await other.evaluate(async () => {
    const who = (await (await fetch("/api/v1/session")).json()) as { csrf_token: string };
    const create = async (headers: Record<string, string>) => {
      const body = JSON.stringify({ name: "from-a-page", permissions: [] });
      const all = { "content-type": "application/json", ...headers };
      return (await fetch("/api/v1/roles", { method: "POST", headers: all, body })).status;
    };
    return [await create({}), await create({ "x-csrf-token": who.csrf_token })];
  });
  await other.close();
  assert.deepEqual(answers, [403, 201]);
  await page.click("text=Sign out");
  await page.waitForURL(`${base}/console/sign-in`);
  await sound(page);
  await picture(page, "sign-in");

  // With the wrong and the right password.
  await page.fill("#email", "password@example.com");
  await page.fill("#password", "a wrong password");
  await page.click("button:text-is('Sign in')");
  assert.match((await page.textContent("[role=alert]")) ?? "", /wrong/);
  await picture(page, "sign-in-wrong");
  await page.fill("#password", "a good long password");
  await page.click("button:text-is('Sign in')");
  await page.waitForURL(`${base}/console/`);
  await page.click("text=Sign out");

  // By an invitation's link, at the provider, whose word on the address is not needed then.
  await page.goto(env("PROVIDER_INVITATION"));
  await page.click("text=Use your identity provider");
  await atProvider(page, "unverified-provider@example.com");
  assert.equal(await heading(page), "You are signed in");
  assert.match((await page.textContent("dl")) ?? "", /provider@example\.com/);
  await page.click("text=Sign out");
  await page.waitForURL(`${base}/console/sign-in`);

  // The bound account comes straight in; the provider remembers the browser.
  await page.click("text=Use your identity provider");
  await page.waitForURL(`${base}/console/`);
  await page.click("text=Sign out");
  await page.context().clearCookies();

  // Who is invited and has a verified address joins after being asked.
  await page.goto(`${base}/console/`);
  await page.click("text=Use your identity provider");
  await atProvider(page, "waiting@example.com");
  assert.equal(await heading(page), "Choose a tenant");
  assert.match((await page.textContent("button.choice")) ?? "", /Join .* You are invited|Join/);
  await sound(page);
  await picture(page, "choose");
  await page.click("button.choice");
  await page.waitForURL(`${base}/console/`);
  await page.context().clearCookies();

  // A member with a password is bound by a verified address, and not by another.
  for (const [account, expected] of [
    ["unverified-password@example.com", /has not verified/],
    ["stranger@example.com", /Nobody invited stranger@example\.com/],
  ] as const) {
    await page.goto(`${base}/console/sign-in`);
    await page.click("text=Use your identity provider");
    await atProvider(page, account);
    assert.match((await page.textContent("[role=alert]")) ?? "", expected);
    await sound(page);
    await picture(page, "refused");
    await page.context().clearCookies();
  }
  // It is asked before; then the password, and what it opened, are over: whoever set it need not have
  // been the one whom the address belongs to.
  await page.goto(`${base}/console/sign-in`);
  await page.fill("#email", "password@example.com");
  await page.fill("#password", "a good long password");
  await page.click("button:text-is('Sign in')");
  await page.waitForURL(`${base}/console/`);
  const before = await page.context().cookies(base);
  await page.context().clearCookies();
  await page.goto(`${base}/console/sign-in`);
  await page.click("text=Use your identity provider");
  await atProvider(page, "password@example.com");
  assert.equal(await heading(page), "Choose a tenant");
  assert.match((await page.textContent("button.choice")) ?? "", /the password is forgotten/);
  await sound(page);
  await picture(page, "bind");
  await page.click("button.choice");
  await page.waitForURL(`${base}/console/`);
  assert.match((await page.textContent("dl")) ?? "", /password@example\.com/);
  await page.context().clearCookies();
  await page.context().addCookies(before);
  await page.goto(`${base}/console/`);
  await page.waitForURL(`${base}/console/sign-in`);
  await page.fill("#email", "password@example.com");
  await page.fill("#password", "a good long password");
  await page.click("button:text-is('Sign in')");
  assert.match((await page.textContent("[role=alert]")) ?? "", /wrong/);

  // Who gives up at the provider is told so; an answer of another sign-in is refused.
  await page.context().clearCookies();
  await page.goto(`${base}/console/sign-in`);
  await page.click("text=Use your identity provider");
  await page.waitForURL((url) => url.port === env("ISSUER_PORT"));
  await page.click("text=[ Cancel ]");
  await page.waitForURL((url) => url.origin === base);
  assert.match((await page.textContent("[role=alert]")) ?? "", /did not let you in/);
  await page.goto(`${base}/console/sign-in/provider/callback?state=x&code=y`);
  assert.match((await page.textContent("[role=alert]")) ?? "", /another browser/);
  assert.deepEqual(complaints, []);
}

const server = await issuer();
const profile = await mkdtemp(join(tmpdir(), "portico-browser-"));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
  headless: true,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
context.setDefaultTimeout(30_000);
try {
  const page = context.pages()[0] ?? (await context.newPage());
  await run(page);
  // Without script, everything works the same: the pages have none.
  console.log("done");
} finally {
  await context.close();
  server.close();
  server.closeAllConnections();
  await rm(profile, { recursive: true, force: true });
}
