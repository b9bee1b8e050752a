#!/usr/bin/env python3
"""Stores of further makes, each with its own names, nesting and language, and what they expose, counted.

`makes.py --make NAME --records N FOLDER` writes the files of one make into FOLDER and its true counts to stdout as JSON:

`central`     a call centre's records in Spanish: CSV with semicolons, local dates, places of cells, short messages
`workplace`   an export of a workplace chat: arrays of users, channels and messages; people are ids, their numbers stand apart
`backup`      a telephone's backup of short messages and calls: XML, an element a line, the other end only
`collection`  chats of a document database: participants in a list of objects, extended JSON, edits and reactions
`relay`       lines of key=value, in which calls, messages and leases look much alike

All are full of what only looks like people: order numbers, times, versions, hashes, IMEIs, sealed texts.
"""

import argparse
import base64
import csv
import json
import xml.sax.saxutils
from pathlib import Path

from log_store import World, text


class Counted(World):
    """A world, and how many records it wrote."""

    def __init__(self, seed, records):
        super().__init__(seed, records)
        self.written = 0
        self.pairs = [chat for chat in self.chats if len(chat[1]) == 2]

    def noise(self):
        self.count["noise"] += 1

    def said(self, app, *members):
        self.count["messages"] += 1
        self.talks.add(frozenset(members))
        self.expose(app, *members)

    def called(self, app, a, b):
        self.count["calls"] += 1
        self.expose(app, a, b)

    def placed(self):
        self.count["precise_locations"] += 1


def sealed(rng):
    return base64.b64encode(rng.randbytes(rng.randint(60, 200))).decode()


def central(world, records, folder):
    rng = world.rng
    with open(folder / "llamadas.csv", "w", encoding="latin-1", errors="replace", newline="") as out:
        fields = "id_registro;fecha;tipo;origen;destino;duracion_seg;mensaje;latitud;longitud;imei;num_pedido;version;huella"
        table = csv.DictWriter(out, fields.split(";"), delimiter=";")
        table.writeheader()
        for n in range(records):
            at = world.at(n, records)
            _, (a, b) = rng.choice(world.pairs)
            row = dict.fromkeys(fields.split(";"), "")
            row |= {"id_registro": str(10_000_000_000 + n), "fecha": at.strftime("%d/%m/%Y %H:%M:%S"), "imei": "490154203237518"}
            row |= {"num_pedido": str(rng.randrange(10**10, 10**11)), "version": f"4.{rng.randrange(9)}.{rng.randrange(99)}", "huella": f"{rng.getrandbits(128):032x}"}
            kind = rng.choices(["llamada", "sms", "sms_cifrado", "consulta"], [30, 30, 10, 30])[0]
            row["tipo"] = kind
            if kind != "consulta":
                row |= {"origen": f"+{a}", "destino": f"+{b}"}
            if kind == "llamada":
                row["duracion_seg"] = str(rng.randrange(1, 3000))
                world.called("", a, b)
                if rng.random() < 0.5:
                    row |= {"latitud": f"{rng.uniform(-55, 60):.5f}", "longitud": f"{rng.uniform(-120, 120):.5f}"}
                    world.placed()
            elif kind == "sms":
                row["mensaje"] = text_in(rng, "latin-1")
                world.said("", a, b)
            elif kind == "sms_cifrado":
                row["mensaje"] = sealed(rng)
                world.expose("", a, b)
            else:
                row["mensaje"] = f"consulta {rng.randrange(10**6)} resuelta en {rng.randrange(900)} ms"
                world.noise()
            table.writerow(row)
            world.written += 1


def text_in(rng, charset):
    while True:
        words = text(rng)
        try:
            words.encode(charset)
            return words
        except UnicodeEncodeError:
            pass


def workplace(world, records, folder):
    rng = world.rng
    people = world.people[:60]
    ids = {number: f"U{n:02d}{rng.getrandbits(40):010X}" for n, number in enumerate(people)}
    users = [
        {"id": ids[n], "team_id": "T024BE7LD", "deleted": False, "updated": 1_793_000_000 + n % 1000,
         "profile": {"real_name": f"Person {k}", "phone": f"+{n}", "avatar_hash": f"{rng.getrandbits(48):012x}", "email": f"person.{k}@work.example"}}
        for k, n in enumerate(people)
    ]  # fmt: skip
    world.seen.update(people)
    channels = [{"id": f"C{rng.getrandbits(36):09X}", "name": f"room-{n}", "created": 1_792_000_000 + n, "members": [ids[p] for p in rng.sample(people, 12)]} for n in range(8)]
    messages = []
    for n in range(records - len(users) - len(channels)):
        at = world.at(n, records)
        message = {"type": "message", "user": ids[rng.choice(people)], "ts": f"{at.timestamp():.6f}", "team": "T024BE7LD", "client_msg_id": f"{rng.getrandbits(128):032x}"}
        kind = rng.choices(["text", "join", "sealed"], [70, 20, 10])[0]
        if kind == "text":
            message["text"] = text(rng)
            world.count["messages"] += 1
            if rng.random() < 0.3:
                message["reactions"] = [{"name": "thumbsup", "users": [ids[p] for p in rng.sample(people, 3)], "count": 3}]
        elif kind == "join":
            message |= {"subtype": "channel_join", "build": f"4.{n % 40}.{n % 7}"}
            world.noise()
        else:
            message |= {"subtype": "sealed", "text": sealed(rng)}
        messages.append(message)
    for name, items in (("users", users), ("channels", channels), ("general", messages)):
        (folder / f"{name}.json").write_text(json.dumps(items, indent=2, ensure_ascii=False), encoding="utf-8")
    world.written = records


def backup(world, records, folder):
    rng = world.rng
    quote = xml.sax.saxutils.quoteattr
    others = world.people[:80]
    sms, calls = [], []
    for n in range(records - 6):
        at = world.at(n, records)
        other = rng.choice(others)
        when = int(at.timestamp() * 1000)
        if rng.random() < 0.6:
            # Now and then what the bank's machine writes, which is no number.
            said, sender = text(rng), f"+{other}"
            sms.append(
                f'  <sms protocol="0" address="{sender}" date="{when}" type="{rng.randint(1, 2)}" subject="null" body={quote(said)} '
                f'service_center="null" read="1" status="-1" locked="0" date_sent="{when - 900}" sub_id="{rng.randint(1, 2)}" />'
            )
            world.count["messages"] += 1
            world.seen.add(other)
        else:
            calls.append(f'  <call number="+{other}" duration="{rng.randrange(900)}" date="{when}" type="{rng.randint(1, 3)}" subscription_id="8944200010123456789{n % 10}" />')
            world.seen.add(other)
    head = "<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>"
    (folder / "sms.xml").write_text("\n".join([head, f'<smses count="{len(sms)}">', *sms, "</smses>"]) + "\n", encoding="utf-8")
    (folder / "calls.xml").write_text("\n".join([head, f'<calls count="{len(calls)}">', *calls, "</calls>"]) + "\n", encoding="utf-8")
    world.written = records


def collection(world, records, folder):
    rng = world.rng
    with open(folder / "chats.json", "w", encoding="utf-8") as out:
        for n in range(records):
            at = world.at(n, records)
            _, members = rng.choice(world.chats)
            millis = int(at.timestamp() * 1000)
            record = {"_id": {"$oid": f"{rng.getrandbits(96):024x}"}, "_class": "store.Entry", "createdAt": {"$date": at.strftime("%Y-%m-%dT%H:%M:%S.000Z")}, "__v": 0}
            people = [{"phone": f"+{m}", "displayName": f"Person {m % 977}", "device": {"imei": "356938035643809", "os": "14.2.1"}} for m in members]
            kind = rng.choices(["msg", "enc", "voice", "job"], [40, 12, 13, 35])[0]
            if kind == "msg":
                record |= {"kind": "chat.message", "participants": people, "author": people[0]["phone"], "content": {"text": text(rng), "edited": False}}
                if rng.random() < 0.2:
                    record["reactions"] = [{"by": people[1]["phone"], "emoji": "+1", "at": {"$numberLong": str(millis + 500)}}]
                world.said("", *members)
            elif kind == "enc":
                record |= {"kind": "chat.sealed", "participants": people, "author": people[0]["phone"], "content": {"text": sealed(rng)}}
                world.expose("", *members)
            elif kind == "voice":
                record |= {"kind": "voice.call", "caller": people[0], "callee": people[1], "durationSeconds": {"$numberInt": str(rng.randrange(1, 3000))}}
                world.called("", members[0], members[1])
            else:
                record |= {"kind": "job", "orderId": {"$numberLong": str(rng.randrange(10**10, 10**12))}, "sha1": f"{rng.getrandbits(160):040x}", "tookMs": rng.randrange(900)}
                record["content"] = {"text": f"job {rng.randrange(10**6)} done after {rng.randrange(900)} ms"}
                world.noise()
            out.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
            world.written += 1


def relay(world, records, folder):
    rng = world.rng
    with open(folder / "relay.log", "w", encoding="utf-8") as out:
        for n in range(records):
            at = world.at(n, records)
            _, (a, b) = rng.choice(world.pairs)
            line = f'ts={at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")} level=info svc=relay/2.{n % 9}.{n % 31} req={rng.getrandbits(64):016x} '
            kind = rng.choices(["msg", "enc", "call", "fix", "lease", "http"], [28, 12, 10, 8, 4, 38])[0]
            if kind == "msg":
                line += f'op=msg.relay sender=+{a} rcpt=+{b} bytes={rng.randrange(900)} body={json.dumps(text(rng), ensure_ascii=False)}'
                world.said("", a, b)
            elif kind == "enc":
                line += f"op=msg.relay sender=+{a} rcpt=+{b} bytes={rng.randrange(900)} body={sealed(rng)}"
                world.expose("", a, b)
            elif kind == "call":
                line += f"op=call.hangup caller=+{a} callee=+{b} secs={rng.randrange(1, 3000)} order_id={rng.randrange(10**10, 10**11)}"
                world.called("", a, b)
            elif kind == "fix":
                line += f"op=geo.fix account=+{a} lat={rng.uniform(-60, 60):.6f} lng={rng.uniform(-170, 170):.6f}"
                world.placed()
                world.expose("", a)
            elif kind == "lease":
                leased = rng.choice(world.leased)
                line += f"op=did.assign account=+{a} did=+{leased} until={int(at.timestamp()) + 86400}"
                world.links.add((a, leased))
                world.expose("", a, leased)
            else:
                line += f'op=http.get path=/v2/q/{rng.randrange(10**6)} ms={rng.randrange(900)} msg="served {rng.randrange(10**6)} in {rng.randrange(900)} ms" imei=490154203237518 build=20261102{n % 100:02d}'
                world.noise()
            out.write(line + "\n")
            world.written += 1


MAKES = {make.__name__: make for make in (central, workplace, backup, collection, relay)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--make", choices=MAKES, required=True)
    parser.add_argument("--records", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=20261129)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    world = Counted(asked.seed, asked.records)
    MAKES[asked.make](world, asked.records, asked.folder)
    truth = world.truth(world.written)
    del truth["by_app"]
    print(json.dumps(truth, indent=1))


if __name__ == "__main__":
    main()
