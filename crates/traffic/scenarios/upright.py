"""A messenger that keeps its word: all that people say, where they are and what they call themselves stays inside Olm."""

import chat
from chat import Member, Provider
from phone import Phone
from stage import oldest

NORA, IVO = "+447700900377", "+33639982451"
ENGLISH = "The lighthouse keeper leaves the key under the third stone"
GREEK = "Ο φαροφύλακας αφήνει το κλειδί κάτω από την τρίτη πέτρα"
PLACE = "58.2934817,-6.7921043"
NICKNAME = "Wren Ashdown-Quill"


def play(stage):
    provider = Provider("upright")
    stage.serve("connectivitycheck.os-vendor.example", "127.20.9.1", chat.connectivity, plain=True)
    stage.serve("api.upright.example", "127.20.4.1", provider.api)
    stage.serve("cdn.upright.example", "127.20.4.3", chat.cdn("upright"), configure=oldest)

    phones = Phone(stage, "127.20.0.44"), Phone(stage, "127.20.0.45")
    nora = Member(phones[0], "api.upright.example", {"phone": NORA})
    ivo = Member(phones[1], "api.upright.example", {"phone": IVO})
    for phone in phones:
        phone.connectivity_check()
    for member in (nora, ivo):
        member.open()
        member.sign_up()
    with phones[0].connect("cdn.upright.example") as cdn:
        cdn.request("GET", "/wallpapers/clouds.jpg")
    latitude, longitude = PLACE.split(",")
    told = [
        {"kind": "profile", "name": NICKNAME},
        {"kind": "text", "text": ENGLISH},
        {"kind": "place", "lat": float(latitude), "lon": float(longitude)},
    ]
    for content in told:
        nora.send(ivo, content)
    assert ivo.receive() == told
    ivo.send(nora, {"kind": "text", "text": GREEK})
    assert nora.receive() == [{"kind": "text", "text": GREEK}]
    for member in (nora, ivo):
        member.close()
