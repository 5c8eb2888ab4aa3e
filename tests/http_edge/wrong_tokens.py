"""Every way for a token to be wrong, each with what its sender is told.

Owns the table only. All but what they are about is right in these tokens, so that each can be
refused for that alone.
"""

import json
from typing import Final

from tests.http_edge.signed_tokens import (
    AUDIENCE,
    EC,
    EDWARDS,
    ISSUER,
    NOW_S,
    RSA,
    STRANGER,
    SigningKey,
    claims,
    no_signature,
    shared_secret,
    signed,
    token,
    unpadded,
)

LEEWAY_S: Final = 30


def shared_with(key: SigningKey) -> str:
    """HS256 with our published key as the shared secret, as a careless library would check it."""
    return token(alg="HS256", sign=shared_secret(json.dumps(dict(key.public)).encode()))


def tampered(text: str) -> str:
    """The scopes changed, the signature kept."""
    header, _, signature = text.split(".")
    more = json.dumps(claims(scope="certificates:audit")).encode()
    return f"{header}.{unpadded(more)}.{signature}"


def without(text: str, part: int) -> str:
    segments = text.split(".")
    segments[part] = ""
    return ".".join(segments)


NO_JWT = "the token is not a signed JWT"
BAD_HEADER = "the token's header is malformed"
NO_SUCH_KEY = "the token is signed with a key that its issuer does not publish"
NO_FIT = "the token's signature does not fit"
BAD_ALGORITHM = "the token is signed with an algorithm that is not accepted here"
BAD_TYPE = "the token is not of the type at+jwt or JWT"
NO_KEY = "the token does not name its key (kid)"
CRITICAL = "the token has critical extensions, and none is known here"
NO_CLIENT = "the token does not tell its client (client_id or azp)"
OTHER_ISSUER = "the token is of another issuer"
OTHER_AUDIENCE = "the token is for another audience"
EXPIRED = "the token has expired"
TOO_EARLY = "the token is not valid yet"
AHEAD = "the token was issued in the future"
RETYPED = b'{"alg": "RS256", "kid": "rsa-1", "typ": "JWT", "typ": "JOSE"}'
DOWNGRADE = b'{"alg": "RS256", "kid": "rsa-1", "alg": "none"}'
NESTED = b'{"alg": "RS256", "kid": ' + b"[" * 170 + b"]" * 170 + b"}"

WRONG_TOKENS: Final = [
    # What it is written as
    ("nothing after the scheme", "", NO_JWT),
    ("one part", "abc", NO_JWT),
    ("opaque", "mF_9.B5f-4.1JqM", BAD_HEADER),
    ("no header", without(token(), 0), NO_JWT),
    ("no claims", without(token(), 1), NO_JWT),
    ("no signature", without(token(), 2), NO_JWT),
    ("encrypted", f"{token()}.abc.def", NO_JWT),
    ("padded base64", token().replace(".", "=.", 1), NO_JWT),
    ("other base64", token().replace(".", "+.", 1), NO_JWT),
    ("a space inside", token().replace(".", ". ", 1), NO_JWT),
    ("a line break after it", f"{token()}\n", NO_JWT),
    ("a space after it", f"{token()} ", NO_JWT),
    ("other digits", token().replace(".", "\u0663.", 1), NO_JWT),
    ("two tokens", f"{token()}, Bearer {token()}", NO_JWT),
    ("header too long", token(x5t="x" * 400), NO_JWT),
    ("broken base64 in the header", f"e{token()}", BAD_HEADER),
    ("header that is no text", signed(b"\xff\xfe", None, RSA.sign), BAD_HEADER),
    ("header that is no object", signed(b'["alg"]', None, RSA.sign), BAD_HEADER),
    ("header that is a text", signed(b'"alg kid crit b64"', None, RSA.sign), BAD_HEADER),
    ("header nested deep", signed(NESTED, None, RSA.sign), BAD_HEADER),
    ("broken base64 in the claims", token().replace(".", ".e", 1), NO_FIT),
    ("broken base64 in the signature", f"{token()}e", NO_FIT),
    # How it is signed
    ("no algorithm", token(alg=...), BAD_HEADER),
    ("an algorithm of another type", token(alg=["RS256"]), BAD_HEADER),
    ("alg none, unsigned", token(alg="none", sign=no_signature), NO_JWT),
    ("alg none, signed", token(alg="none"), BAD_ALGORITHM),
    ("alg None in other letters", token(alg="nOnE"), BAD_ALGORITHM),
    ("alg that turns to none", signed(DOWNGRADE, None, RSA.sign), BAD_ALGORITHM),
    ("HS256 with the public key", shared_with(RSA), BAD_ALGORITHM),
    ("HS256 with nothing", token(alg="HS256", sign=shared_secret(b"")), BAD_ALGORITHM),
    ("an algorithm that is not pinned", token(alg="RS512"), BAD_ALGORITHM),
    ("the curve's own name", token(key=EDWARDS, alg="Ed25519"), BAD_ALGORITHM),
    ("an algorithm in small letters", token(alg="rs256"), BAD_ALGORITHM),
    ("another algorithm than signed with", token(alg="PS256"), NO_FIT),
    ("an algorithm for another kind of key", token(alg="ES256"), NO_FIT),
    ("an Edwards algorithm for RSA", token(alg="EdDSA"), NO_FIT),
    ("another's key", token(key=STRANGER), NO_FIT),
    ("a key under another name", token(kid=EC.name), NO_FIT),
    ("signature of other claims", tampered(token()), NO_FIT),
    ("signature cut short", token()[:-4], NO_FIT),
    ("an empty elliptic signature", token(key=EC, sign=lambda _: bytes(64)), NO_FIT),
    ("no key named", token(kid=...), NO_KEY),
    ("an empty key name", token(kid=""), NO_KEY),
    ("a key name of another type", token(kid=1), BAD_HEADER),
    ("a key that nobody published", token(kid="rsa-9"), NO_SUCH_KEY),
    ("a path for a key name", token(kid="../../../dev/null"), NO_SUCH_KEY),
    ("an ID token's or another's type", token(typ="dpop+jwt"), BAD_TYPE),
    ("a logout token", token(typ="logout+jwt"), BAD_TYPE),
    ("a type of another type", token(typ=1), BAD_HEADER),
    ("a type that changes", signed(RETYPED, None, RSA.sign), BAD_TYPE),
    ("a critical extension", token(crit=["exp"], exp=1), CRITICAL),
    ("a critical extension that the library knows", token(crit=["b64"], b64=False), CRITICAL),
    ("a malformed critical extension", token(crit=5), CRITICAL),
    ("an empty critical extension", token(crit=None), CRITICAL),
    ("unencoded claims", token(b64=False), NO_FIT),
    ("a malformed key in the header", token(jwk="key"), NO_FIT),
    # What it claims
    ("claims that are no JSON", token(b"till"), NO_FIT),
    ("claims that are no object", token(b'["till"]'), NO_FIT),
    ("no issuer", token(claims(iss=...)), "the token does not tell iss"),
    ("an empty issuer", token(claims(iss="")), OTHER_ISSUER),
    ("another issuer", token(claims(iss="https://other.test")), OTHER_ISSUER),
    ("an issuer below ours", token(claims(iss=f"{ISSUER}/other")), OTHER_ISSUER),
    ("an issuer with two slashes", token(claims(iss=f"{ISSUER}//")), OTHER_ISSUER),
    ("our issuer in the clear", token(claims(iss="http://issuer.test")), OTHER_ISSUER),
    ("several issuers", token(claims(iss=[ISSUER])), OTHER_ISSUER),
    ("no audience", token(claims(aud=...)), "the token does not tell aud"),
    ("an empty audience", token(claims(aud=[])), OTHER_AUDIENCE),
    ("another audience", token(claims(aud="orders")), OTHER_AUDIENCE),
    ("several others", token(claims(aud=["orders", "stock"])), OTHER_AUDIENCE),
    ("an audience that contains ours", token(claims(aud=f"{AUDIENCE}-2")), OTHER_AUDIENCE),
    ("an audience of another type", token(claims(aud={AUDIENCE: 1})), OTHER_AUDIENCE),
    ("an audience among other types", token(claims(aud=[AUDIENCE, 1])), OTHER_AUDIENCE),
    ("no expiry", token(claims(exp=...)), "the token does not tell exp"),
    ("an empty expiry", token(claims(exp=None)), "the token does not tell exp"),
    ("expired", token(claims(exp=NOW_S - LEEWAY_S)), EXPIRED),
    ("expired long ago", token(claims(exp=0)), EXPIRED),
    ("an expiry of another type", token(claims(exp="9999999999")), "the token's exp is malformed"),
    ("an expiry that is true", token(claims(exp=True)), "the token's exp is malformed"),
    ("an expiry that never comes", token(claims(exp=float("inf"))), "the token's exp is malformed"),
    (
        "an expiry that is no number",
        token(claims(exp=float("nan"))),
        "the token's exp is malformed",
    ),
    ("not yet valid", token(claims(nbf=NOW_S + LEEWAY_S + 1)), TOO_EARLY),
    ("a start of another type", token(claims(nbf="0")), TOO_EARLY),
    ("issued in the future", token(claims(iat=NOW_S + LEEWAY_S + 1)), AHEAD),
    ("a subject of another type", token(claims(sub=7)), "the token's sub is malformed"),
    ("no client", token(claims(client_id=...)), NO_CLIENT),
    ("a client of another type", token(claims(client_id=["till"])), NO_CLIENT),
    ("an azp of another type", token(claims(client_id=..., azp={})), NO_CLIENT),
    ("several things missing", token({"iss": ISSUER}), "the token does not tell aud,exp"),
    ("an expiry of 400 digits, long past", token(claims(exp=-(10**400))), EXPIRED),
]
