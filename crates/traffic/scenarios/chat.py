"""A messenger whose messages are end-to-end encrypted with Olm, and the provider that carries them without reading."""

import base64
import hashlib
import io
import itertools
import json
import random
from urllib.parse import parse_qs, urlsplit

from PIL import Image
from vodozemac import Account, AnyOlmMessage, Curve25519PublicKey

from stage import Response


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class Provider:
    """The provider's API: accounts, published keys, a queue for each user. What it carries it cannot read."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.users, self.queues = {}, {}
        self.sequence = itertools.count(1)

    def api(self, method, target, headers, body):
        path = urlsplit(target).path
        body = json.loads(body) if body else {}
        if (method, path) == ("POST", "/v2/accounts"):
            user = "u" + self.random.randbytes(8).hex()
            token = self.random.randbytes(24).hex()
            self.users[user] = {"token": token, "keys": None}
            self.queues[user] = []
            return Response(201, body=compact({"user": user, "token": token, "heartbeat_s": 240}))
        user = next((name for name, known in self.users.items() if headers["Authorization"] == f"Bearer {known['token']}"), None)
        if user is None:
            return Response(401, body=compact({"error": "unauthorized"}))
        if (method, path) == ("PUT", "/v2/keys"):
            self.users[user]["keys"] = body
            return Response(body=compact({"one_time_keys": len(body["one_time"])}))
        if method == "GET" and path.startswith("/v2/keys/"):
            keys = self.users[path.rsplit("/", 1)[1]]["keys"]
            return Response(body=compact({"identity": keys["identity"], "one_time": keys["one_time"].pop()}), compress=True)
        if (method, path) in (("POST", "/v2/messages"), ("POST", "/v2/receipts")):
            sequence = next(self.sequence)
            self.queues[body["to"]].append({"seq": sequence, "from": user, "box": path[4:], **body})
            return Response(202, body=compact({"seq": sequence}))
        if (method, path) == ("GET", "/v2/queue"):
            since = int(parse_qs(urlsplit(target).query)["since"][0])
            waiting = [item for item in self.queues[user] if item["seq"] > since]
            return Response(body=compact({"items": waiting}), chunks=120)
        if (method, path) == ("GET", "/v2/config"):
            features = {"stickers": True, "group_call_limit": 50, "log_level": "debug", "theme": ["day", "night", "system"]}
            return Response(body=compact({"features": features, "min_version": "8.4.0"}), compress=True)
        return None


class Member:
    """One person's app: an account with the provider, an Olm session with one peer."""

    def __init__(self, phone, host, registration):
        self.phone, self.host, self.registration = phone, host, registration
        self.account = Account()
        self.session = None
        self.seen = 0

    def open(self):
        """Opens the connection that the app keeps while it is in use."""
        self.connection = self.phone.connect(self.host)

    def close(self):
        self.connection.__exit__()

    def call(self, method, target, body=None):
        headers = [("Authorization", f"Bearer {self.token}")]
        return json.loads(self.connection.request(method, target, body, headers=headers).content)

    def sign_up(self):
        """Registers the account and publishes its public keys."""
        answer = json.loads(self.connection.request("POST", "/v2/accounts", self.registration).content)
        self.user, self.token = answer["user"], answer["token"]
        self.call("GET", "/v2/config")
        self.account.generate_one_time_keys(4)
        one_time = [key.to_base64() for key in self.account.one_time_keys.values()]
        self.call("PUT", "/v2/keys", {"identity": self.account.curve25519_key.to_base64(), "one_time": one_time})
        self.account.mark_keys_as_published()

    def send(self, peer, content):
        """Encrypts `content` for the peer and hands it to the provider."""
        if self.session is None:
            keys = self.call("GET", f"/v2/keys/{peer.user}")
            identity, one_time = (Curve25519PublicKey.from_base64(keys[name]) for name in ("identity", "one_time"))
            self.session = self.account.create_outbound_session(identity, one_time)
        kind, ciphertext = self.session.encrypt(compact(content)).to_parts()
        olm = {"type": kind, "sender_key": self.account.curve25519_key.to_base64(), "body": base64.b64encode(ciphertext).decode()}
        return self.call("POST", "/v2/messages", {"to": peer.user, "olm": olm})["seq"]

    def receive(self):
        """Collects what is waiting, decrypts it and confirms it; returns what the peer sent."""
        contents = []
        for item in self.call("GET", f"/v2/queue?since={self.seen}")["items"]:
            self.seen = item["seq"]
            if "olm" not in item:
                continue
            message = AnyOlmMessage.from_parts(item["olm"]["type"], base64.b64decode(item["olm"]["body"]))
            if self.session is None:
                sender = Curve25519PublicKey.from_base64(item["olm"]["sender_key"])
                self.session, plaintext = self.account.create_inbound_session(sender, message.to_pre_key())
            else:
                plaintext = self.session.decrypt(message)
            contents.append(json.loads(plaintext))
            self.call("POST", "/v2/receipts", {"to": item["from"], "for": item["seq"], "state": "delivered"})
        return contents


def connectivity(method, target, headers, body):
    """The operating system vendor's check."""
    return Response(204)


def photo(seed, side=160):
    """A JPEG of clouds that nobody took."""
    noise = random.Random(seed)
    small = Image.frombytes("RGB", (20, 20), noise.randbytes(1200))
    out = io.BytesIO()
    small.resize((side, side), Image.Resampling.BICUBIC).save(out, "JPEG", quality=80)
    return out.getvalue()


def cdn(seed):
    """A server of pictures; compares entity tags as CDNs do."""
    picture = photo(seed)
    tag = f'"{hashlib.md5(picture).hexdigest()}"'

    def app(method, target, headers, body):
        headers = [("ETag", tag), ("Cache-Control", "public, max-age=31536000")]
        return Response(kind="image/jpeg", body=picture, headers=headers)

    return app


def iso(seconds):
    """A time of the story, counted from the beginning of the recording."""
    return f"2026-11-02T09:{int(seconds // 60):02}:{seconds % 60:06.3f}Z"
