"""A keyboard that sends what is typed to its vendor over plain HTTP, enciphered with a key made of the time it sends.

The construction is a published one (Citizen Lab, "The not-so-silent type", 2024): DES in ECB mode, the key
`"%08u" % ((time % 0x5F5E100) ^ 0x1001111)`, the time in the query, protobuf inside.
"""

from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, modes

import chat
from phone import Phone
from stage import BEGINS, Response

TYPED = [
    "the pharmacist keeps the spare key in the blue teapot",
    "我把备用钥匙放在蓝色茶壶里",
    "see you at nine",
]


def varint(number):
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def cipher(time):
    key = ("%08u" % ((time % 0x5F5E100) ^ 0x1001111)).encode()[:8]
    return Cipher(TripleDES(key * 3), modes.ECB())  # three times the same key: DES


def seal(time, text):
    pad = padding.PKCS7(64).padder()
    out = cipher(time).encryptor()
    return out.update(pad.update(text) + pad.finalize()) + out.finalize()


def suggest(method, target, headers, body):
    """The vendor's server: opens what came, answers with words that may come next, sealed likewise."""
    time = int(parse_qs(urlsplit(target).query)["time"][0])
    pad = padding.PKCS7(64).unpadder()
    cut = cipher(time).decryptor()
    text = pad.update(cut.update(body) + cut.finalize()) + pad.finalize()
    assert text.startswith(b"\x0a")
    words = b"".join(field(1, word) for word in ("tomorrow morning", "this afternoon", "and bring the children"))
    return Response(kind="application/octet-stream", body=seal(time, field(1, 200) + field(2, words)))


def play(stage):
    stage.serve("connectivitycheck.os-vendor.example", "127.20.9.1", chat.connectivity, plain=True)
    stage.serve("pinyin.glyphkeys.example", "127.20.6.1", suggest, plain=True)
    phone = Phone(stage, "127.20.0.44")
    phone.connectivity_check()
    start = int(BEGINS.timestamp() * 1000)
    with phone.connect("pinyin.glyphkeys.example", plain=True) as connection:
        for n, typed in enumerate(TYPED):
            time = start + 4_217 + n * 6_913
            app = field(1, "com.chatterly.android") + field(2, "zh-CN") + field(3, 9)
            body = field(1, "2.7.4-android") + field(3, app) + field(5, typed) + field(9, time)
            query = {"cmd": "association", "v": "2.7.4", "time": time}
            connection.request("POST", f"/svr?{urlencode(query)}", seal(time, body), kind="application/octet-stream")
