import base64
import json
import threading
import time
import unittest
import urllib.error
import urllib.parse
from http.server import BaseHTTPRequestHandler, HTTPServer

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ask import live
from whois import Refused, Verifier

ISSUER = "https://app.example.com"
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


class BFF(BaseHTTPRequestHandler):
    ended = False

    def do_GET(self):
        x = OURS.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.say(200, {"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "one", "x": b64(x)}]})

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
        self.verifier = Verifier(ISSUER, "app", self.base + "/bff/jwks.json")

    def test_a_good_assertion_is_accepted(self):
        got = self.verifier.verify(make(OURS, HEADER, claims()))
        self.assertEqual((got["sub"], got["name"], got["rights"]), ("u_1", "Ada", ["staff"]))

    def test_the_rest_is_refused(self):
        head, _, signature = make(OURS, HEADER, claims()).split(".")
        for name, token in {
            "nothing": "",
            "no JSON": "a.b.c",
            "forged": make(STRANGER, HEADER, claims()),
            "changed": f"{head}.{b64(json.dumps(claims(sub='u_2')).encode())}.{signature}",
            "without signature": f"{head}.{b64(json.dumps(claims()).encode())}.",
            "alg none": make(OURS, HEADER | {"alg": "none"}, claims()),
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
