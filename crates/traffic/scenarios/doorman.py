"""A messenger with sound encryption that hands its keys to the provider: for a backup, and for "recovery"."""

import base64
import random

from cryptography.hazmat.primitives import keywrap, serialization
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from boxed import b64, talk

TEXT = "The beekeeper signs the papers on Thursday under another name"
LINES = [
    (0, TEXT),
    (1, "And the hives?"),
    (0, "They go to the sister, with the honey of this year"),
]
DICE = random.Random("doorman")


def seal(key, text):
    """A fresh key for each message, wrapped (RFC 3394) under the key of the chat."""
    content, nonce = DICE.randbytes(32), DICE.randbytes(12)
    return {
        "wrapped_key": b64(keywrap.aes_key_wrap(key, content)),
        "nonce": b64(nonce),
        "ciphertext": b64(AESGCM(content).encrypt(nonce, text, None)),
    }


def unseal(key, item):
    content = keywrap.aes_key_unwrap(key, base64.b64decode(item["wrapped_key"]))
    return AESGCM(content).decrypt(base64.b64decode(item["nonce"]), base64.b64decode(item["ciphertext"]), None)


def escrow(one, other):
    """What the app calls a backup of the account and the recovery of chats."""
    for member in (one, other):
        pem = member.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        member.call("PUT", "/v1/backup", {"device": "phone", "identity": pem.decode()})
    one.call("PUT", "/v1/recovery", {"chat": other.user, "chat_key": b64(one.key), "alg": "A256KW"})


def play(stage):
    numbers = "+447700900433", "+33639982488"
    talk(stage, "api.doorman.example", numbers, seal, unseal, 32, LINES, "doorman", before=escrow)
