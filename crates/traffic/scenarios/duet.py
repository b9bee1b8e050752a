"""A messenger with sound encryption, and a measuring kit inside it that seals a copy of each text for its own maker.

The same is done in every recording, with another text of the auditor's; the last one repeats the first text.
"""

import base64
import json
import random
from functools import partial

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from boxed import Member, Provider, b64
from chat import compact, connectivity
from phone import Phone
from stage import Response

TEXTS = [
    "The cellist leaves through the side door before the last movement",
    "Nobody may know about the second ticket",
    "Wait for the bell",
    "If it rains we meet under the arcade instead, you with the umbrella and I without one",
    "Burn the letter",
    "The conductor has been told a story about a sick aunt in Trieste, so let him believe it for now",
]
MAKER = X25519PrivateKey.from_private_bytes(random.Random("maker").randbytes(32))


def seal(dice, key, text):
    nonce = dice.randbytes(12)
    return {"n": b64(nonce), "c": b64(AESGCM(key).encrypt(nonce, text, None))}


def unseal(key, item):
    return AESGCM(key).decrypt(base64.b64decode(item["n"]), base64.b64decode(item["c"]), None)


def box(dice, text):
    """For the maker's eyes: a key for each event, agreed with the public one that the kit carries."""
    own = X25519PrivateKey.from_private_bytes(dice.randbytes(32))
    key = HKDF(hashes.SHA256(), 32, None, b"event").derive(own.exchange(MAKER.public_key()))
    public = own.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return public + ChaCha20Poly1305(key).encrypt(bytes(12), text.encode(), None)


def collect(method, target, headers, body):
    json.loads(body)
    return Response(202, body=compact({"ok": True}))


def run(stage, number, text):
    """One recording: keys, times, tokens and identifiers are its own, what people do is the same."""
    dice = random.Random(f"duet {number}")
    api, kit = "api.duet.example", "in.tallyhouse.example"
    provider = Provider(f"duet {number}")
    stage.serve("connectivitycheck.os-vendor.example", "127.20.9.1", connectivity, plain=True)
    stage.serve(api, "127.20.5.1", provider.api)
    stage.serve(kit, "127.20.8.1", collect)
    phones = Phone(stage, "127.20.0.44"), Phone(stage, "127.20.0.45")
    one, other = (
        Member(phone, api, who, partial(seal, dice), unseal) for phone, who in zip(phones, ("+447700900455", "+33639982499"))
    )
    for phone in phones:
        phone.connectivity_check()
    for member in (one, other):
        member.open()
        member.sign_up()
    one.agree(other, 32)
    other.agree(one, 32)
    with phones[0].connect(kit) as events:
        started = 1_793_610_000 + number * 5_417
        event = {"kit": "4.1", "install": "f1c7a0d2", "session": b64(dice.randbytes(18)), "at": started, "event": "open"}
        events.request("POST", "/v4/event", event)
        one.send(other, {"kind": "text", "text": text})
        assert other.receive() == [{"kind": "text", "text": text}]
        words = {"event": "send", "at": started + 9, "long": len(text) > 60, "ctx": b64(box(dice, text))}
        events.request("POST", "/v4/event", {**event, **words})
    for member in (one, other):
        member.close()


MORE = {f"run-{n}.pcapng": partial(run, number=n, text=text) for n, text in enumerate([*TEXTS[1:], TEXTS[0]], 2)}


def play(stage):
    run(stage, 1, TEXTS[0])
