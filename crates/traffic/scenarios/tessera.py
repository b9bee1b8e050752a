"""A messenger whose messages are enciphered block by block: AES-128-ECB under a key that the two phones agree on."""

import base64

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from boxed import b64, talk

PLAIN = "The cellist practises in the empty swimming pool"
HOWL = "And the whole audience went " + "o" * 64 + " until the lights came back"
LINES = [
    (0, PLAIN),
    (1, "Why there of all places?"),
    (0, "The echo, she says"),
    (0, HOWL),
    (1, "I wish I had been there"),
]


def seal(key, text):
    pad = padding.PKCS7(128).padder()
    cipher = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return {"box": b64(cipher.update(pad.update(text) + pad.finalize()) + cipher.finalize())}


def unseal(key, item):
    pad = padding.PKCS7(128).unpadder()
    cipher = Cipher(algorithms.AES(key), modes.ECB()).decryptor()
    return pad.update(cipher.update(base64.b64decode(item["box"])) + cipher.finalize()) + pad.finalize()


def play(stage):
    talk(stage, "api.tessera.example", ("+447700900411", "+33639982466"), seal, unseal, 16, LINES, "tessera")
