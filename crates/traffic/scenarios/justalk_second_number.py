"""JusTalk 2nd Phone Number: the throw-away number and the real one stand side by side in one request."""

import json

import chat
from chat import Member, Provider, compact
from phone import Phone
from stage import Response, oldest

REAL, THROWAWAY, STRANGER = "+447700900861", "+12025550147", "+12025550192"
TEXT = "Is the blue canoe from the advert still for sale?"
REPLY = "Oui, le canoë bleu est toujours à vendre"


class Numbers(Provider):
    """The provider that also leases numbers."""

    def api(self, method, target, headers, body):
        if (method, target) == ("POST", "/v2/numbers/lease"):
            number = json.loads(body)["lease"]["number"]
            return Response(201, body=compact({"lease": {"number": number, "until": "2026-11-09T09:00:00Z", "state": "active"}}))
        if target.startswith("/v2/numbers/available"):
            return Response(body=compact({"area": "202", "ending": "0147", "city": "Washington, DC", "free": True}), compress=True)
        return super().api(method, target, headers, body)


def play(stage):
    provider = Numbers("justalk-second-number")
    stage.serve("connectivitycheck.os-vendor.example", "127.20.9.1", chat.connectivity, plain=True)
    stage.serve("api.second.justalk.example", "127.20.3.1", provider.api)
    stage.serve("cdn.justalk.example", "127.20.1.3", chat.cdn("justalk-second-number"), configure=oldest)

    phones = Phone(stage, "127.20.0.44"), Phone(stage, "127.20.0.45")
    buyer = Member(phones[0], "api.second.justalk.example", {"locale": "en-GB", "platform": "android"})
    seller = Member(phones[1], "api.second.justalk.example", {"phone": STRANGER, "platform": "android"})
    for phone in phones:
        phone.connectivity_check()
    for member in (buyer, seller):
        member.open()
        member.sign_up()
    assert buyer.call("GET", "/v2/numbers/available?area=202&ending=0147")["free"]
    # One person's two numbers in one request: whoever keeps it can name the owner of every throw-away number.
    lease = {"subscriber": {"user": buyer.user, "msisdn": REAL}, "lease": {"number": THROWAWAY, "days": 7, "plan": "trial"}}
    buyer.call("POST", "/v2/numbers/lease", lease)
    with phones[0].connect("cdn.justalk.example") as cdn:
        cdn.request("GET", "/flags/us@2x.jpg")
    buyer.send(seller, {"kind": "text", "text": TEXT})
    assert seller.receive() == [{"kind": "text", "text": TEXT}]
    seller.send(buyer, {"kind": "text", "text": REPLY})
    assert buyer.receive() == [{"kind": "text", "text": REPLY}]
    for member in (buyer, seller):
        member.close()
