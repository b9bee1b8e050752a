"""Messengers whose encryption is their own idea, and the provider that carries what they send."""

import base64
import itertools
import json
import random
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chat import compact
from stage import Response


def b64(data):
    return base64.b64encode(data).decode()


class Provider:
    """Accounts, published keys, a queue for each user, a store for whatever else phones upload."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.users, self.queues = {}, {}
        self.sequence = itertools.count(1)

    def api(self, method, target, headers, body):
        path = urlsplit(target).path
        body = json.loads(body) if body else {}
        if (method, path) == ("POST", "/v1/accounts"):
            user, token = "u" + self.random.randbytes(8).hex(), self.random.randbytes(24).hex()
            self.users[user] = {"token": token, "public": body["public"]}
            self.queues[user] = []
            return Response(201, body=compact({"user": user, "token": token}))
        user = next((name for name, known in self.users.items() if headers["Authorization"] == f"Bearer {known['token']}"), None)
        if user is None:
            return Response(401, body=compact({"error": "unauthorized"}))
        if method == "GET" and path.startswith("/v1/keys/"):
            return Response(body=compact({"public": self.users[path.rsplit("/", 1)[1]]["public"]}))
        if method == "PUT":
            return Response(204)
        if (method, path) == ("POST", "/v1/messages"):
            sequence = next(self.sequence)
            self.queues[body["to"]].append({"seq": sequence, "from": user, **body})
            return Response(202, body=compact({"seq": sequence}))
        if (method, path) == ("GET", "/v1/queue"):
            since = int(parse_qs(urlsplit(target).query)["since"][0])
            waiting = [item for item in self.queues[user] if item["seq"] > since]
            return Response(body=compact({"items": waiting}))
        return None


class Member:
    """One person's app. `seal` and `unseal` are the messenger's idea of encryption: what stands in a message beside `to`."""

    def __init__(self, phone, host, number, seal, unseal):
        self.phone, self.host, self.number = phone, host, number
        self.seal, self.unseal = seal, unseal
        # From a seed, so that every recording has the same size; the keys are real all the same.
        self.private = X25519PrivateKey.from_private_bytes(random.Random(number).randbytes(32))
        self.seen = 0

    @property
    def public(self):
        return self.private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)

    def open(self):
        self.connection = self.phone.connect(self.host)

    def close(self):
        self.connection.__exit__()

    def call(self, method, target, body=None):
        headers = [("Authorization", f"Bearer {self.token}")]
        content = self.connection.request(method, target, body, headers=headers).content
        return json.loads(content) if content else None

    def sign_up(self):
        registration = {"phone": self.number, "public": b64(self.public)}
        answer = json.loads(self.connection.request("POST", "/v1/accounts", registration).content)
        self.user, self.token = answer["user"], answer["token"]

    def agree(self, peer, length):
        """The key of the chat: X25519 with the peer's published key, through HKDF. The provider never has it."""
        published = base64.b64decode(self.call("GET", f"/v1/keys/{peer.user}")["public"])
        shared = self.private.exchange(X25519PublicKey.from_public_bytes(published))
        self.key = HKDF(hashes.SHA256(), length, None, b"chat").derive(shared)

    def send(self, peer, content):
        return self.call("POST", "/v1/messages", {"to": peer.user, **self.seal(self.key, compact(content))})["seq"]

    def receive(self):
        contents = []
        for item in self.call("GET", f"/v1/queue?since={self.seen}")["items"]:
            self.seen = item["seq"]
            contents.append(json.loads(self.unseal(self.key, item)))
        return contents


def talk(stage, api, numbers, seal, unseal, length, lines, seed, before=None):
    """Two people write to each other, in turn as `lines` say: who (0 or 1) and what."""
    from chat import connectivity
    from phone import Phone

    provider = Provider(seed)
    stage.serve("connectivitycheck.os-vendor.example", "127.20.9.1", connectivity, plain=True)
    stage.serve(api, "127.20.5.1", provider.api)
    phones = Phone(stage, "127.20.0.44"), Phone(stage, "127.20.0.45")
    members = [Member(phone, api, number, seal, unseal) for phone, number in zip(phones, numbers)]
    for phone in phones:
        phone.connectivity_check()
    for member in members:
        member.open()
        member.sign_up()
    members[0].agree(members[1], length)
    members[1].agree(members[0], length)
    assert members[0].key == members[1].key
    if before:
        before(*members)
    for who, text in lines:
        content = {"kind": "text", "text": text}
        members[who].send(members[1 - who], content)
        assert members[1 - who].receive() == [content]
    for member in members:
        member.close()
