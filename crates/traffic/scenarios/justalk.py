"""JusTalk: real Olm between two people, and a debug logger that tells the vendor all the same."""

import base64

import chat
from chat import Member, Provider, compact, iso
from phone import Phone
from stage import Response, oldest

ALICE, BOB = "+447700900142", "+33639981207"
ENGLISH = "The heron lands at dusk behind the old mill"
FRENCH = "Le héron se pose au crépuscule, près du vieux moulin"
CALL = "jc-20261102-8f41d7a3b2c6"


def log(method, target, headers, body):
    return Response(body=compact({"ok": True, "next_flush_s": 30}))


def line(seconds, tag, message, **more):
    return {"@timestamp": iso(seconds), "level": "DEBUG", "app": "JusTalk", "ver": "8.6.1", "tag": tag, "msg": message, **more}


def flush(phone, lines):
    """The logger's usual upload: compressed lines of JSON."""
    with phone.connect("log.justalk.example") as connection:
        body = b"\n".join(compact(entry) for entry in lines) + b"\n"
        connection.request("POST", "/v1/ingest?app=justalk&os=android", body, kind="application/x-ndjson", compress=True)


def breadcrumbs(phone, lines):
    """The crash reporter's: the same lines, base64 in JSON."""
    with phone.connect("log.justalk.example") as connection:
        blob = base64.b64encode(b"\n".join(compact(entry) for entry in lines)).decode()
        envelope = {"schema": 3, "model": "Pixel 6a", "os": "14", "session": "0a7c5e19", "breadcrumbs": blob}
        connection.request("POST", "/v1/breadcrumbs", envelope)


def play(stage):
    provider = Provider("justalk")
    stage.serve("connectivitycheck.os-vendor.example", "127.20.9.1", chat.connectivity, plain=True)
    stage.serve("api.justalk.example", "127.20.1.1", provider.api)
    stage.serve("log.justalk.example", "127.20.1.2", log)
    stage.serve("cdn.justalk.example", "127.20.1.3", chat.cdn("justalk"), configure=oldest)

    phones = Phone(stage, "127.20.0.44"), Phone(stage, "127.20.0.45")
    alice = Member(phones[0], "api.justalk.example", {"phone": ALICE, "locale": "en-GB", "platform": "android"})
    bob = Member(phones[1], "api.justalk.example", {"phone": BOB, "locale": "fr-FR", "platform": "android"})
    for phone in phones:
        phone.connectivity_check()
    for member in (alice, bob):
        member.open()
        member.sign_up()
    with phones[0].connect("cdn.justalk.example") as cdn:
        cdn.request("GET", f"/avatars/{bob.user}/160.jpg")

    both = [ALICE, BOB]
    alice.send(bob, {"kind": "text", "text": ENGLISH})
    flush(phones[0], [
        line(12.104, "Account", "login ok", user=alice.user),
        line(41.377, "ImSend", f"text -> {BOB}: {ENGLISH}", chat=both, encrypted=True),
        line(41.402, "Net", "POST /v2/messages 202 in 25 ms"),
    ])
    assert bob.receive() == [{"kind": "text", "text": ENGLISH}]
    bob.send(alice, {"kind": "text", "text": FRENCH})
    flush(phones[1], [
        line(44.013, "ImRecv", f"text <- {ALICE}: {ENGLISH}", chat=both),
        line(73.559, "ImSend", f"text -> {ALICE}: {FRENCH}", chat=both, encrypted=True),
    ])
    assert alice.receive() == [{"kind": "text", "text": FRENCH}]
    alice.send(bob, {"kind": "call-invite", "call": CALL, "media": "video"})
    assert bob.receive()[0]["call"] == CALL
    bob.send(alice, {"kind": "call-ended", "call": CALL, "seconds": 184})
    assert alice.receive()[0]["seconds"] == 184
    breadcrumbs(phones[0], [
        line(75.240, "ImRecv", f"text <- {BOB}: {FRENCH}", chat=both),
        line(301.118, "Call", "ended", call={"id": CALL, "caller": ALICE, "callee": BOB, "type": "video", "duration_s": 184}),
    ])
    for member in (alice, bob):
        member.close()
