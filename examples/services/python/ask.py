"""Asks bff itself, for what cannot wait until the assertion of an ended session expires."""
import json
import urllib.parse
import urllib.request


def live(url, client, secret, token):
    """Whether the session behind token is alive in this moment (RFC 7662)."""
    form = urllib.parse.urlencode({"token": token, "client_id": client, "client_secret": secret}).encode()
    with urllib.request.urlopen(url, data=form, timeout=5) as answer:
        return json.load(answer).get("active") is True
