// Verifies a token of Portico with jose, as somebody would who has only the key set.
//
// JWKS_URL, TOKEN, TOKEN_ID, TENANT_ID and ISSUER say what is verified and what has to come out.

import assert from "node:assert/strict";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";

function setting(name: string): string {
  const value = process.env[name];
  assert.ok(value, `${name} is not set`);
  return value;
}

const token = setting("TOKEN");
const issuer = setting("ISSUER");
const keys = createRemoteJWKSet(new URL(setting("JWKS_URL")));
const expected = { issuer, audience: "portico-api", typ: "at+jwt", algorithms: ["EdDSA"], requiredClaims: ["jti", "nbf", "sub"] };

const { payload, protectedHeader } = await jwtVerify(token, keys, expected);
assert.equal(protectedHeader.alg, "EdDSA");
assert.equal(payload.jti, setting("TOKEN_ID"));
assert.equal(payload["tenant"], setting("TENANT_ID"));
assert.equal(payload["scope"], "messages:send");
assert.match(payload.sub ?? "", /^key_/);
assert.equal((payload.exp ?? 0) - (payload.iat ?? 0), 300);
assert.equal(keys.jwks()?.keys.length, 2);

const [header = "", body = "", signature = ""] = token.split(".");
const other = signature.startsWith("A") ? "B" : "A";
const tampered = `${header}.${body}.${other}${signature.slice(1)}`;
await assert.rejects(jwtVerify(tampered, keys, expected), errors.JWSSignatureVerificationFailed);
await assert.rejects(jwtVerify(token, keys, { ...expected, audience: "connect" }), errors.JWTClaimValidationFailed);
await assert.rejects(jwtVerify(token, keys, { ...expected, issuer: "https://evil.example" }), errors.JWTClaimValidationFailed);
console.log("done");
