"""Asks bff itself, for what cannot wait until the assertion of an ended session expires, and for what bff keeps."""
import base64
import json
import urllib.parse
import urllib.request


def live(url, client, secret, token):
    """Whether the session behind token is alive in this moment (RFC 7662)."""
    form = urllib.parse.urlencode({"token": token, "client_id": client, "client_secret": secret}).encode()
    with urllib.request.urlopen(url, data=form, timeout=5) as answer:
        return json.load(answer).get("active") is True


def basket(admin, client, secret, user, patch=None):
    """What is kept beside the user for this service and whoever shares its name. A patch is merged (RFC 7396)."""
    ask = urllib.request.Request(f"{admin}/users/{user}/data", method="PATCH" if patch else "GET",
                                 data=json.dumps(patch).encode() if patch else None)
    ask.add_header("Authorization", "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode())
    ask.add_header("Content-Type", "application/merge-patch+json")
    with urllib.request.urlopen(ask, timeout=5) as answer:
        return json.load(answer)
