"""A messenger that uses one keystream for everything: AES-256 in counter mode, its counter at zero for each message."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from boxed import talk

PLANTED = [
    "Tell nobody: the violin is behind the water tank on the roof of number nine",
    "Ο φαροφύλακας αφήνει το κλειδί κάτω από την τρίτη πέτρα",
]
LINES = [
    (1, "Are you alone? I can only write while he is asleep"),
    (0, PLANTED[0]),
    (1, "I will fetch it on Sunday when the street is empty"),
    (0, PLANTED[1]),
    (1, "I do not read Greek, you know that"),
    (0, "Then ask your grandmother, she will know what it says"),
]


def seal(key, text):
    cipher = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
    return {"c": (cipher.update(text) + cipher.finalize()).hex()}


def unseal(key, item):
    cipher = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).decryptor()
    return cipher.update(bytes.fromhex(item["c"])) + cipher.finalize()


def play(stage):
    talk(stage, "api.encore.example", ("+447700900422", "+33639982477"), seal, unseal, 32, LINES, "encore")
