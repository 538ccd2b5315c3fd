"""Verifies the assertion that bff puts into Authorization: who is asking, and what they may do."""
import base64
import json
import threading
import time
import urllib.request

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Refused(Exception):
    """No valid assertion for this service. Any other exception means that bff does not answer."""


def decode(part):
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


class Verifier:
    """issuers are the origins of bff's fronts, audience the `identity` of bff.yaml, keys_url bff's JWK Set."""

    def __init__(self, issuers, audience, keys_url):
        self.issuers, self.audience, self.keys_url = list(issuers), audience, keys_url
        self.lock, self.keys, self.fetched = threading.Lock(), {}, float("-inf")

    def key(self, kid):
        """Fetches the keys once an hour, and at most once a minute for a key that is new."""
        with self.lock:
            age = time.monotonic() - self.fetched
            if age > 3600 or (age > 60 and kid not in self.keys):
                with urllib.request.urlopen(self.keys_url, timeout=5) as answer:
                    found = json.load(answer)["keys"]
                self.keys = {k["kid"]: Ed25519PublicKey.from_public_bytes(decode(k["x"])) for k in found}
                self.fetched = time.monotonic()
            return self.keys.get(kid)

    def verify(self, token):
        """The claims: sub is the user, rights are what they may do."""
        try:
            head, payload, signature = token.split(".")
            header, claims, signature = json.loads(decode(head)), json.loads(decode(payload)), decode(signature)
            ours = header["alg"] == "EdDSA" and header["typ"] == "at+jwt" and isinstance(header["kid"], str)
        except (ValueError, KeyError, TypeError):
            raise Refused("malformed") from None
        key = ours and self.key(header["kid"])
        if not key:
            raise Refused("key")
        try:
            key.verify(signature, f"{head}.{payload}".encode())
        except InvalidSignature:
            raise Refused("signature") from None
        if claims.get("iss") not in self.issuers or claims.get("aud") != self.audience:
            raise Refused("not for this service")
        if not claims.get("nbf", 0) <= time.time() < claims.get("exp", 0):
            raise Refused("not now")
        return claims
