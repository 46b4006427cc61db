"""Verifies a token of Portico with PyJWT, as somebody would who has only the key set.

JWKS_URL, TOKEN, TOKEN_ID, TENANT_ID and ISSUER say what is verified and what has to come out.
"""

import os

import jwt

token = os.environ["TOKEN"]
issuer = os.environ["ISSUER"]
keys = jwt.PyJWKClient(os.environ["JWKS_URL"])


def verified(token, audience="portico-api", issuer=issuer):
    key = keys.get_signing_key_from_jwt(token)
    required = ["iss", "aud", "sub", "iat", "nbf", "exp", "jti"]
    return jwt.decode(token, key, algorithms=["EdDSA"], audience=audience, issuer=issuer, options={"require": required})


def refused(error, call):
    try:
        call()
    except error:
        return
    raise AssertionError(f"expected {error.__name__}")


claims = verified(token)
assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
assert claims["jti"] == os.environ["TOKEN_ID"], claims
assert claims["tenant"] == os.environ["TENANT_ID"], claims
assert claims["scope"] == "messages:send", claims
assert claims["sub"].startswith("key_"), claims
assert claims["exp"] - claims["iat"] == 300, claims
assert len(keys.get_signing_keys()) == 2

header, body, signature = token.split(".")
other = "A" if signature[0] != "A" else "B"
refused(jwt.InvalidSignatureError, lambda: verified(f"{header}.{body}.{other}{signature[1:]}"))
refused(jwt.InvalidAudienceError, lambda: verified(token, audience="connect"))
refused(jwt.InvalidIssuerError, lambda: verified(token, issuer="https://evil.example"))
print("done")
