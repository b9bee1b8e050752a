#!/usr/bin/env python3
"""The content of a log store as the published account describes it, made up from a seed; and what it exposes, counted.

`log_store.py --make first --records 6000 OUT.ndjson`: chat records that name every number of a chat in three shapes,
calls, places, leases of numbers, encrypted relays, machine noise full of look-alikes, and a ransom note.
`--make second`: the same kinds of records as another vendor would write them, in CSV (`OUT.csv`) and in plain log lines
(`OUT.log`), with other names, in other languages.

The true counts go to stdout as JSON. Numbers come from the ranges that regulators keep for fiction; nobody has them.
"""

import argparse
import base64
import csv
import io
import itertools
import json
import random
from datetime import datetime, timedelta, timezone

BEGINS = datetime(2026, 10, 3, tzinfo=timezone.utc)
WORDS = {
    "en": "the heron lands at dusk behind old mill we meet where water is low bring rope and tell nobody about boat "
    "mother called again about sunday could you buy bread milk on way home see photo from beach last summer".split(),
    "fr": "le héron se pose au crépuscule près du vieux moulin on se voit demain apporte la corde ne dis rien maman "
    "a rappelé pour dimanche tu peux acheter pain lait en rentrant".split(),
    "de": "der reiher landet bei dämmerung hinter der alten mühle wir treffen uns morgen bring das seil mit sag "
    "niemandem etwas vom boot mama hat wieder angerufen kaufst du brot".split(),
    "ru": "цапля садится в сумерках за старой мельницей встретимся завтра возьми верёвку никому не говори о лодке "
    "мама звонила насчёт воскресенья купи хлеб".split(),
    "zh": None,
}
CHINESE = "苍鹭在黄昏降落老磨坊后面我们明天见带上绳子别告诉任何人关于船的事妈妈又打电话来了记得买面包"
NOTE = (
    "All your data is backed up. You must pay 0.0125 BTC to 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa within 48 hours. "
    "After that your data will be deleted and leaked. Write to restore@recover.example with your server's address."
)
PLANTED = ("The heron lands at dusk behind the old mill", 447700900142, 33639981207)


def text(rng):
    language = rng.choices(list(WORDS), [6, 3, 3, 2, 2])[0]
    if language == "zh":
        start = rng.randrange(len(CHINESE) - 8)
        return CHINESE[start : start + rng.randint(4, 14)]
    if rng.random() < 0.05:
        return rng.choice(["ok", "haha", "see you", "👍 super", "ja", "non"])
    return " ".join(rng.choice(WORDS[language]) for _ in range(rng.randint(3, 14))).capitalize()


def numbers(rng, count):
    """Distinct numbers out of the ranges for fiction: Ofcom's, ARCEP's and the 555-01XX of North America."""
    areas = [a for a in range(201, 990) if a % 100 != 11 and a % 10 != 0 and a // 100 != 9][:280]
    pool = [447700900000 + n for n in range(1000)] + [33639980000 + n for n in range(10000)]
    pool += [10000000000 + area * 10000000 + 5550100 + n for area in areas for n in range(100)]
    pool = [n for n in pool if n not in PLANTED[1:] and valid(n)]
    return rng.sample(pool, min(count, len(pool)))


def valid(number):
    try:
        import phonenumbers
    except ImportError:
        return True
    return phonenumbers.is_valid_number(phonenumbers.parse(f"+{number}"))


def spaced(number):
    digits = str(number)
    return f"+{digits[:2]} {digits[2:6]} {digits[6:]}"


class World:
    """People, who of them talk to whom, and what was exposed of them."""

    def __init__(self, seed, records):
        self.rng = random.Random(seed)
        people = max(60, min(24000, records // 8))
        found = numbers(self.rng, people + people // 10)
        people = min(people, len(found) * 10 // 11)
        self.people, self.leased = found[:people], found[people:]
        self.pool = set(self.leased)
        self.kids = set(self.people[: people // 5])
        self.chats = []
        for _ in range(max(40, people)):
            kid = self.rng.random() < 0.2
            among = self.people[: people // 5] if kid else self.people[people // 5 :]
            self.chats.append((kid, tuple(self.rng.sample(among, self.rng.choices([2, 3, 4], [8, 2, 1])[0]))))
        self.seen, self.talks, self.links, self.times = set(), set(), set(), []
        self.called = set()
        self.by_app = {}
        self.count = dict.fromkeys(("messages", "calls", "precise_locations", "relays", "noise"), 0)

    def at(self, n, records):
        moment = BEGINS + timedelta(seconds=n * (30 * 86400 / records) + self.rng.random())
        self.times.append(moment)
        return moment

    def expose(self, app, *people):
        self.seen.update(people)
        own = [number for number in people if number not in self.pool]
        self.by_app.setdefault(app, [set(), 0])[0].update(own)

    def linkability(self):
        """Who wrote to or called whom, and what hangs together by that: a walk from each person to all that lead on."""
        pairs = {frozenset(pair) for talk in self.talks for pair in itertools.combinations(talk, 2)} | self.called
        near = {}
        for a, b in map(tuple, pairs):
            near.setdefault(a, set()).add(b)
            near.setdefault(b, set()).add(a)
        groups, left = [], set(near)
        while left:
            group, open_ends = set(), [left.pop()]
            while open_ends:
                person = open_ends.pop()
                group.add(person)
                open_ends += near[person] - group
            left -= group
            groups.append(len(group))
        return {"connected": len(near), "pairs": len(pairs), "groups": len(groups), "largest_group": max(groups)}

    def truth(self, records):
        own = {number for number in self.seen if number not in self.pool}
        return {
            **{key: value for key, value in self.count.items() if key not in ("relays", "noise")},
            "people": len(own),
            "phone_numbers": len(self.seen),
            "conversations": len(self.talks),
            "number_links": len(self.links),
            "linkability": self.linkability(),
            "records": records,
            "first_seen": min(self.times).isoformat(),
            "last_seen": max(self.times).isoformat(),
            "by_app": {app: {"people": len(people), "messages": n} for app, (people, n) in sorted(self.by_app.items())},
        }


def first(world, records):
    """Records of the story's store, as dictionaries."""
    rng = world.rng
    for n in range(records):
        at = world.at(n, records)
        stamp = at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        kind = rng.choices(["chat", "relay", "call", "place", "lease", "noise"], [30, 14, 8, 6, 3, 39])[0]
        kid, members = rng.choice(world.chats)
        app = "com.justalk.kids" if kid else "com.justalk"
        record = {"@timestamp": stamp, "app": app, "host": f"log-{n % 7}", "level": "INFO"}
        sender, others = members[0], members[1:]
        if n == records // 2:
            world.count["noise"] += 1
            yield {"@timestamp": stamp, "index": "read_me", "message": NOTE}
            continue
        said = None
        if n == records // 3:
            kind, app, (sender, *others) = "chat", "com.justalk", PLANTED[1:]
            record["app"], members, said = app, PLANTED[1:], PLANTED[0]
        if kind == "chat":
            record |= {
                "event": "im.send",
                "from": {"uid": f"u{sender % 999983}", "phone": spaced(sender)},
                "members": [f"+{number}" for number in members],
                "chat": "_".join(str(number) for number in sorted(members)),
                "msg": said or text(rng),
                "id": f"{rng.getrandbits(64):016x}",
            }
            if rng.random() < 0.3:
                # The same inside JSON in a string, as one of the app's loggers wrote it.
                inner = {"msg": record.pop("msg"), "seq": n}
                record["payload"] = json.dumps(inner, ensure_ascii=False)
            world.count["messages"] += 1
            world.expose(app, *members)
            world.by_app[app][1] += 1
            world.talks.add(frozenset(members))
        elif kind == "relay":
            sealed = base64.b64encode(rng.randbytes(rng.randint(60, 240))).decode()
            record |= {"event": "im.relay", "from": {"uid": f"u{sender % 999983}", "phone": spaced(sender)}, "msg": sealed}
            record["members"] = [f"+{number}" for number in members]
            world.count["relays"] += 1
            world.expose(app, *members)
        elif kind == "call":
            record |= {"event": "call.end", "caller": f"+{sender}", "callee": f"+{others[0]}", "duration": rng.randint(1, 4000)}
            world.count["calls"] += 1
            world.expose(app, sender, others[0])
            world.called.add(frozenset((sender, others[0])))
        elif kind == "place":
            record |= {"event": "loc.report", "user": {"uid": f"u{sender % 999983}", "phone": f"+{sender}"}}
            record["loc"] = {"lat": round(rng.uniform(-60, 60), 6), "lon": round(rng.uniform(-170, 170), 6), "acc": 12}
            world.count["precise_locations"] += 1
            world.expose(app, sender)
        elif kind == "lease":
            leased = rng.choice(world.leased)
            record |= {"event": "number.lease", "app": "com.justalk.second", "real": f"+{sender}", "virtual": f"+{leased}"}
            world.links.add((sender, leased))
            world.expose("com.justalk.second", sender, leased)
        else:
            world.count["noise"] += 1
            record |= {
                "event": rng.choice(["http", "gc", "db", "push"]),
                "msg": rng.choice(["GET /v2/queue 200 in {} ms", "pool {} of 64 in use", "retry {} after timeout", "flushed {} rows"]).format(
                    rng.randint(1, 9000)
                ),
                "ts_ms": int(at.timestamp() * 1000),
                "order": str(rng.randrange(10**9, 10**10)),
                "build": f"8.{rng.randint(1, 9)}.{rng.randint(1, 99)}",
                "sha": f"{rng.getrandbits(160):040x}",
                "imei": "490154203237518",
                "trace": str(rng.randrange(10**14, 10**15)),
            }
        yield record


def second(world, records):
    """The same kinds of records, as rows of a table and as log lines: (row, line), one of them None."""
    rng = world.rng
    for n in range(records):
        at = world.at(n, records)
        kind = rng.choices(["chat", "relay", "call", "place", "lease", "noise"], [34, 14, 10, 6, 4, 32])[0]
        kid, members = rng.choice([chat for chat in world.chats[:400] if len(chat[1]) == 2])
        app = "plauder-kinder" if kid else "plauder"
        a, b = members
        local = at.strftime("%Y-%m-%d %H:%M:%S")
        row = dict.fromkeys(("zeitpunkt", "produkt", "ereignis", "absender", "empfaenger", "nachricht", "dauer", "anrufer", "angerufener", "breitengrad", "laengengrad", "konto", "bestellung"), "")
        row |= {"zeitpunkt": local, "produkt": app, "bestellung": str(rng.randrange(10**9, 10**10))}
        line = f"{local} INFO [{rng.randrange(10**6, 10**7)}] produkt={app} "
        as_row = n % 2 == 0
        if kind == "chat":
            said = text(rng)
            row |= {"ereignis": "nachricht", "absender": f"+{a}", "empfaenger": f"+{b}", "nachricht": said}
            line += f'ereignis=nachricht von=+{a} an=+{b} text="{said}"'
            world.count["messages"] += 1
            world.expose(app, a, b)
            world.by_app[app][1] += 1
            world.talks.add(frozenset(members))
        elif kind == "relay":
            sealed = base64.b64encode(rng.randbytes(rng.randint(60, 180))).decode()
            row |= {"ereignis": "weiterleitung", "absender": f"+{a}", "empfaenger": f"+{b}", "nachricht": sealed}
            line += f"ereignis=weiterleitung von=+{a} an=+{b} text={sealed}"
            world.count["relays"] += 1
            world.expose(app, a, b)
        elif kind == "call":
            row |= {"ereignis": "anruf", "anrufer": f"+{a}", "angerufener": f"+{b}", "dauer": str(rng.randint(1, 3000))}
            line += f"ereignis=anruf anrufer=+{a} angerufener=+{b} dauer={rng.randint(1, 3000)}"
            world.count["calls"] += 1
            world.expose(app, a, b)
            world.called.add(frozenset((a, b)))
        elif kind == "place":
            lat, lon = round(rng.uniform(-60, 60), 5), round(rng.uniform(-170, 170), 5)
            lat, lon = (v if len(str(v).split(".")[1]) >= 3 else v + 0.00123 for v in (lat, lon))
            row |= {"ereignis": "ort", "konto": f"+{a}", "breitengrad": f"{lat:.5f}", "laengengrad": f"{lon:.5f}"}
            line += f"ereignis=ort konto=+{a} lat={lat:.5f} lon={lon:.5f}"
            world.count["precise_locations"] += 1
            world.expose(app, a)
        elif kind == "lease" and not as_row:
            leased = rng.choice(world.leased)
            line += f"ereignis=zuteilung konto=+{a} leased=+{leased}"
            world.links.add((a, leased))
            world.expose(app, a, leased)
        else:
            world.count["noise"] += 1
            row |= {"ereignis": "abfrage", "nachricht": f"Abfrage {rng.randrange(10**6)} dauerte {rng.randrange(900)} ms"}
            line += f'ereignis=abfrage dauer={rng.randrange(900)} msg="Abfrage {rng.randrange(10**6)} beendet" trace={rng.randrange(10**14, 10**15)}'
        yield (row, None) if as_row else (None, line)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--make", choices=["first", "second"], default="first")
    parser.add_argument("--records", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=20261102)
    asked = parser.parse_args()
    world = World(asked.seed, asked.records)
    if asked.make == "first":
        with open(asked.out, "w", encoding="utf-8") as out:
            for record in first(world, asked.records):
                out.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
    else:
        with open(f"{asked.out}.csv", "w", encoding="utf-8", newline="") as table, open(f"{asked.out}.log", "w", encoding="utf-8") as log:
            writer = None
            for row, line in second(world, asked.records):
                if row:
                    writer = writer or csv.DictWriter(table, list(row), delimiter=",")
                    if table.tell() == 0:
                        writer.writeheader()
                    writer.writerow(row)
                else:
                    log.write(line + "\n")
    print(json.dumps(world.truth(asked.records), indent=1))


if __name__ == "__main__":
    main()
