"""JusTalk Kids: the child's messages stay closed, the child's whereabouts and device go to an analytics company."""

import hashlib
import json
from urllib.parse import urlencode

import chat
from chat import Member, Provider, compact, iso
from phone import Phone
from stage import Response, oldest

CHILD, PARENT = "+447700900518", "+447700900733"
TEXT = "I am at the planetarium with Aunt Odile"
REPLY = "お母さんは五時半に迎えに行きます"
PLACE = (51.4778925, -0.0014767)
DEVICE = "9f31c7e2-58ab-4d06-b1f4-72e0a95d3c68"


def analytics(method, target, headers, body):
    if method == "GET":
        return Response(204)
    return Response(body=compact({"accepted": len(json.loads(body)["events"])}))


def track(phone):
    """The analytics kit: a batch of events, and a beacon under a pseudonym of the same device."""
    device = {"gaid": DEVICE, "model": "Fire HD 8 Kids", "os": "11", "lang": "en-GB", "tz": "Europe/London"}
    geo = {"lat": PLACE[0], "lon": PLACE[1], "acc_m": 12, "src": "gps"}
    events = [
        {"name": "app_open", "ts": iso(4.2), "geo": geo},
        {"name": "screen", "ts": iso(6.9), "screen": "friends"},
        {"name": "sticker_sent", "ts": iso(48.5), "pack": "dinosaurs", "geo": geo},
    ]
    headers = [("X-Api-Key", "jtk-prod-4417"), ("X-Sdk", "brightbeacon-android/5.2.0")]
    with phone.connect("in.brightbeacon.example") as connection:
        body = {"app": "com.justalk.kids", "ver": "3.2.10", "device": device, "events": events}
        connection.request("POST", "/v5/batch", body, headers=headers)
        query = {"u": hashlib.sha256(DEVICE.encode()).hexdigest(), "ll": f"{PLACE[0]:.5f},{PLACE[1]:.5f}", "ev": "heartbeat"}
        connection.request("GET", f"/px?{urlencode(query)}", headers=headers)


def play(stage):
    provider = Provider("justalk-kids")
    stage.serve("connectivitycheck.os-vendor.example", "127.20.9.1", chat.connectivity, plain=True)
    stage.serve("api.kids.justalk.example", "127.20.2.1", provider.api)
    stage.serve("cdn.justalk.example", "127.20.1.3", chat.cdn("justalk-kids"), configure=oldest)
    stage.serve("in.brightbeacon.example", "127.20.8.1", analytics)

    phones = Phone(stage, "127.20.0.44"), Phone(stage, "127.20.0.45")
    child = Member(phones[0], "api.kids.justalk.example", {"nickname": "Comet", "age_band": "6-8", "guardian": PARENT})
    parent = Member(phones[1], "api.kids.justalk.example", {"phone": PARENT, "role": "guardian"})
    for phone in phones:
        phone.connectivity_check()
    for member in (child, parent):
        member.open()
        member.sign_up()
    with phones[0].connect("cdn.justalk.example") as cdn:
        cdn.request("GET", "/stickers/dinosaurs/cover.jpg")
    child.send(parent, {"kind": "text", "text": TEXT})
    assert parent.receive() == [{"kind": "text", "text": TEXT}]
    parent.send(child, {"kind": "text", "text": REPLY})
    assert child.receive() == [{"kind": "text", "text": REPLY}]
    track(phones[0])
    for member in (child, parent):
        member.close()
