#!/usr/bin/env python3
"""One small store, exported by the databases' own tools: sqlite3, pg_dump (COPY and INSERT), mariadb-dump, and bson as
mongodump writes it; and by what their exports look like where the server cannot be had (mongoexport, _search, _bulk).

`exports.py DIRECTORY` writes one file for each, and `truth.json` with the generator's own count. The servers run on sockets in
a temporary directory and are gone afterwards. Needs sqlite3, PostgreSQL's and MariaDB's servers, and pymongo's bson.
"""

import gzip
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

from log_store import numbers, text

BEGINS = datetime(2026, 10, 3, tzinfo=timezone.utc)


def store(seed=20261103):
    """Tables: accounts with an address and a number, messages and calls between them."""
    rng = random.Random(seed)
    people = numbers(rng, 60)
    accounts = [(n + 1, f"+{number}", f"user{n}@mail.example") for n, number in enumerate(people)]
    said = ["it's \"quoted\"; (really), 100% \\ back\tslash", "two\nlines", "苍鹭在黄昏降落", "O'Brien said: 'hi'"]
    messages, calls = [], []
    for n in range(240):
        a, b = rng.sample(people, 2)
        at = (BEGINS + timedelta(minutes=7 * n)).strftime("%Y-%m-%d %H:%M:%S")
        messages.append((n + 1, f"+{a}", f"+{b}", said[n] if n < len(said) else text(rng), at))
        if n % 3 == 0:
            calls.append((n + 1, f"+{a}", f"+{b}", rng.randint(1, 900), at))
    truth = {
        "people": len(people),
        "phone_numbers": len(people),
        "messages": len(messages),
        "conversations": len({frozenset((m[1], m[2])) for m in messages}),
        "calls": len(calls),
        "records": len(accounts) + len(messages) + len(calls),
    }
    return {"accounts": accounts, "messages": messages, "calls": calls}, truth


COLUMNS = {
    "accounts": ("id", "phone", "email"),
    "messages": ("id", "sender", "recipient", "body", "sent_at"),
    "calls": ("id", "caller", "callee", "duration", "started_at"),
}
SCHEMA = """
CREATE TABLE accounts (id INTEGER PRIMARY KEY, phone VARCHAR(20) NOT NULL, email VARCHAR(80));
CREATE TABLE messages (id INTEGER PRIMARY KEY, sender VARCHAR(20), recipient VARCHAR(20), body TEXT, sent_at VARCHAR(32));
CREATE TABLE calls (id INTEGER PRIMARY KEY, caller VARCHAR(20), callee VARCHAR(20), duration INTEGER, started_at VARCHAR(32));
"""


def inserts(tables, backslash):
    def value(v):
        if isinstance(v, int):
            return str(v)
        v = v.replace("'", "''")
        return "'" + (v.replace("\\", "\\\\") if backslash else v) + "'"

    return SCHEMA + "".join(
        f"INSERT INTO {name} VALUES ({', '.join(value(v) for v in row)});\n" for name, rows in tables.items() for row in rows
    )


def records(tables):
    for name, rows in tables.items():
        for row in rows:
            yield name, dict(zip(COLUMNS[name], row))


def sqlite(tables, work):
    run = subprocess.run(["sqlite3", work / "store.db"], input=inserts(tables, False) + ".dump\n", text=True, capture_output=True, check=True)
    return {"sqlite.sql": run.stdout}


def postgres(tables, work):
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    bin, data = found[-1], work / "pg"
    os.chmod(work, 0o777)
    # The server refuses to run as root.
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    run = lambda *command, **more: subprocess.run([*as_user, *map(str, command)], check=True, text=True, capture_output=True, cwd="/tmp", **more)
    run(bin / "initdb", "-D", data, "-U", "me", "-E", "UTF8", "--auth=trust")
    run(bin / "pg_ctl", "-D", data, "-w", "-l", work / "pg.log", "-o", f"-c listen_addresses='' -k {work}", "start")
    try:
        run(bin / "psql", "-h", work, "-U", "me", "-q", "-d", "postgres", input=inserts(tables, False))
        copy = run(bin / "pg_dump", "-h", work, "-U", "me", "postgres").stdout
        rows = run(bin / "pg_dump", "-h", work, "-U", "me", "--inserts", "postgres").stdout
    finally:
        run(bin / "pg_ctl", "-D", data, "-m", "fast", "stop")
    return {"pg_copy.sql": copy, "pg_inserts.sql": rows}


def mariadb(tables, work):
    data, socket = work / "maria", work / "maria.sock"
    subprocess.run(["mariadb-install-db", f"--datadir={data}", "--auth-root-authentication-method=normal", "--user=root"], check=True, capture_output=True)
    server = subprocess.Popen(["mariadbd", f"--datadir={data}", f"--socket={socket}", "--skip-networking", "--user=root", f"--pid-file={work}/maria.pid"], stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            if socket.exists():
                break
            time.sleep(0.2)
        client = [f"--socket={socket}", "-u", "root", "--default-character-set=utf8mb4"]
        load = "CREATE DATABASE chat CHARACTER SET utf8mb4; USE chat;" + inserts(tables, True)
        subprocess.run(["mariadb", *client], input=load, text=True, check=True)
        dump = subprocess.run(["mariadb-dump", *client, "chat"], text=True, check=True, capture_output=True).stdout
    finally:
        server.terminate()
        server.wait()
    return {"mariadb.sql": dump}


def mongo(tables, _):
    import bson

    out = {}
    for name, rows in tables.items():
        documents = [dict(zip(COLUMNS[name], row)) for row in rows]
        for n, document in enumerate(documents):
            document["_id"] = bson.ObjectId(f"{n:024x}")
            for key in ("sent_at", "started_at"):
                if key in document:
                    document[key] = datetime.strptime(document[key], "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc)
        out[f"mongodump/{name}.bson"] = b"".join(bson.encode(document) for document in documents)
        from bson import json_util

        out[f"mongoexport/{name}.json"] = "".join(json_util.dumps(document) + "\n" for document in documents)
    return out


def search(tables, _):
    hits = [{"_index": name, "_id": str(n), "_score": 1.0, "_source": row} for n, (name, row) in enumerate(records(tables))]
    pages = [hits[at : at + 100] for at in range(0, len(hits), 100)]
    page = lambda hits: json.dumps({"_scroll_id": "c2Nyb2xs", "took": 2, "timed_out": False, "hits": {"total": {"value": 9}, "hits": hits}})
    bulk = "".join(
        json.dumps({"index": {"_index": name, "_id": str(n)}}) + "\n" + json.dumps(row, ensure_ascii=False) + "\n"
        for n, (name, row) in enumerate(records(tables))
    )
    array = json.dumps([{"table": name, **row} for name, row in records(tables)], indent=1)
    return {"scroll.json": "\n".join(map(page, pages)) + "\n", "bulk.ndjson": bulk, "array.json": array}


def main():
    out = Path(sys.argv[1])
    tables, truth = store()
    for make in (sqlite, postgres, mariadb, mongo, search):
        work = Path(tempfile.mkdtemp())
        try:
            for name, content in make(tables, work).items():
                file = out / f"{name}.gz"
                file.parent.mkdir(parents=True, exist_ok=True)
                content = content.encode() if isinstance(content, str) else content
                file.write_bytes(gzip.compress(content, mtime=0))
        finally:
            shutil.rmtree(work, ignore_errors=True)
    (out / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")


if __name__ == "__main__":
    main()
