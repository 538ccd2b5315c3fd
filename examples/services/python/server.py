"""A service behind bff. GET /whoami says who is asking; POST /orders is for staff, and asks bff whether the session
still lives."""
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ask import basket, live
from whois import Refused, Verifier

env = os.environ
who = Verifier(env["BFF_ORIGIN"].split(","), env["AUDIENCE"], env["BFF_JWKS"])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.serve()

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.serve()

    def serve(self):
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            status, body = self.answer(token, who.verify(token))
        except Refused:
            status, body = 401, {"error": "not signed in"}
        except OSError:
            status, body = 503, {"error": "try again"}
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def answer(self, token, claims):
        route = f"{self.command} {self.path.split('?')[0]}"
        if route == "GET /whoami":
            return 200, {"language": "python", "user": claims["sub"], "name": claims.get("name"),
                         "rights": claims["rights"]}
        if route in ("GET /basket", "POST /basket"):
            patch = {"basket": {"python": "tea"}} if self.command == "POST" else None
            return 200, basket(env["BFF_ADMIN"], env["CLIENT_ID"], env["CLIENT_SECRET"], claims["sub"], patch)
        if route == "POST /orders":
            if not live(env["BFF_ADMIN"] + "/introspect", env["CLIENT_ID"], env["CLIENT_SECRET"], token):
                return 401, {"error": "the session has ended"}
            if "staff" not in claims["rights"]:
                return 403, {"error": "staff only"}
            return 201, {"language": "python", "ordered_by": claims["sub"]}
        return 404, {"error": "no such page"}

    def log_message(self, *args):
        pass


if __name__ == "__main__":
    host, port = env["LISTEN"].split(":")
    ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
