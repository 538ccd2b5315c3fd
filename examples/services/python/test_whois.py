import base64
import hashlib
import hmac
import json
import threading
import time
import unittest
import urllib.error
import urllib.parse
from unittest import mock
from http.server import BaseHTTPRequestHandler, HTTPServer

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ask import live
from whois import Refused, Verifier

ISSUER, SHOP = "https://app.example.com", "https://shop.example.org"
OURS, STRANGER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
HEADER = {"alg": "EdDSA", "typ": "at+jwt", "kid": "one"}


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims(**changes):
    return {"iss": ISSUER, "sub": "u_1", "aud": "app", "sid": "s_1", "rights": ["staff"], "name": "Ada",
            "exp": int(time.time()) + 60} | changes


def make(key, header, payload):
    text = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(payload).encode())}"
    return f"{text}.{b64(key.sign(text.encode()))}"


def public(key):
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def mac(header, payload):
    """What a library that believes the header would check: the public key as the secret of a MAC."""
    text = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(payload).encode())}"
    return f"{text}.{b64(hmac.digest(public(OURS), text.encode(), hashlib.sha256))}"


class BFF(BaseHTTPRequestHandler):
    ended, published = False, {"one": OURS}

    def do_GET(self):
        self.say(200, {"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": kid, "x": b64(public(key))}
                                for kid, key in BFF.published.items()]})

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        right = form["client_secret"] == ["s3cret"]
        self.say(200 if right else 401, {"active": not BFF.ended} if right else {})

    def say(self, status, body):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *args):
        pass


class Whois(unittest.TestCase):
    def setUp(self):
        server = HTTPServer(("127.0.0.1", 0), BFF)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.base = f"http://127.0.0.1:{server.server_port}"
        self.verifier = Verifier([ISSUER, SHOP], "app", self.base + "/bff/jwks.json")

    def test_a_good_assertion_is_accepted(self):
        got = self.verifier.verify(make(OURS, HEADER, claims()))
        self.assertEqual((got["sub"], got["name"], got["rights"]), ("u_1", "Ada", ["staff"]))

    def test_each_front_that_is_listed_is_an_issuer(self):
        for issuer in (ISSUER, SHOP):
            self.assertEqual(self.verifier.verify(make(OURS, HEADER, claims(iss=issuer)))["iss"], issuer)

    def test_a_new_key_is_found_after_a_minute(self):
        fresh, began = Ed25519PrivateKey.generate(), time.monotonic()
        self.verifier.verify(make(OURS, HEADER, claims()))
        with mock.patch.dict(BFF.published, two=fresh):
            turned = make(fresh, HEADER | {"kid": "two"}, claims())
            with self.assertRaises(Refused):  # one look a minute, whoever asks with whatever name of a key
                self.verifier.verify(turned)
            with mock.patch("whois.time.monotonic", lambda: began + 90):
                self.assertEqual(self.verifier.verify(turned)["sub"], "u_1")
                self.verifier.verify(make(OURS, HEADER, claims()))  # and the old one still counts

    def test_the_rest_is_refused(self):
        head, _, signature = make(OURS, HEADER, claims()).split(".")
        for name, token in {
            "nothing": "",
            "no JSON": "a.b.c",
            "forged": make(STRANGER, HEADER, claims()),
            "changed": f"{head}.{b64(json.dumps(claims(sub='u_2')).encode())}.{signature}",
            "without signature": f"{head}.{b64(json.dumps(claims()).encode())}.",
            "alg none": make(OURS, HEADER | {"alg": "none"}, claims()),
            "alg none without signature": ".".join(
                [b64(json.dumps(part).encode()) for part in (HEADER | {"alg": "none"}, claims())] + [""]),
            "HS256 with the public key": mac(HEADER | {"alg": "HS256"}, claims()),
            "no type": make(OURS, {"alg": "EdDSA", "kid": "one"}, claims()),
            "no key named": make(OURS, {"alg": "EdDSA", "typ": "at+jwt"}, claims()),
            "for later": make(OURS, HEADER, claims(nbf=int(time.time()) + 30)),
            "a front that is not listed": make(OURS, HEADER, claims(iss="https://help.example.net")),
            "a longer name of a front": make(OURS, HEADER, claims(iss=SHOP + ".evil.example")),
            "no issuer": make(OURS, HEADER, {k: v for k, v in claims().items() if k != "iss"}),
            "another type": make(OURS, HEADER | {"typ": "JWT"}, claims()),
            "an unknown key": make(OURS, HEADER | {"kid": "two"}, claims()),
            "expired": make(OURS, HEADER, claims(exp=int(time.time()))),
            "without an end": make(OURS, HEADER, {k: v for k, v in claims().items() if k != "exp"}),
            "another audience": make(OURS, HEADER, claims(aud="other")),
            "another issuer": make(OURS, HEADER, claims(iss="https://evil.example")),
        }.items():
            with self.subTest(name), self.assertRaises(Refused):
                self.verifier.verify(token)

    def test_an_ended_session_is_not_live(self):
        url = self.base + "/introspect"
        self.assertTrue(live(url, "basket", "s3cret", "x"))
        BFF.ended = True
        self.assertFalse(live(url, "basket", "s3cret", "x"))
        with self.assertRaises(urllib.error.HTTPError):
            live(url, "basket", "wrong", "x")


if __name__ == "__main__":
    unittest.main()
