#!/usr/bin/env python3
"""Writes the databases beside it, and those of the tests, with SQLite itself."""
import pathlib
import shutil
import sqlite3
import tempfile

here = pathlib.Path(__file__).parent
fixtures = here.parent.parent / "tests" / "fixtures"
work = pathlib.Path(tempfile.mkdtemp())


def database(path, *pragmas):
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}")
    return connection


# The smallest pages: a table, and a log of one change beside it.
path = work / "sample.db"
connection = database(path, "page_size = 512", "auto_vacuum = NONE")
connection.execute("CREATE TABLE messages(id INTEGER PRIMARY KEY, text TEXT)")
connection.execute("INSERT INTO messages VALUES (1, 'The heron lands at dusk')")
connection.close()
shutil.copy(path, here / "sample.db")
connection = database(path, "journal_mode = WAL", "wal_autocheckpoint = 0")
connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
connection.execute("UPDATE messages SET text = 'The heron waits'")
shutil.copy(f"{path}-wal", here / "sample.db-wal")
connection.close()

NOTE = "The heron lands"
LONG = "The otter sleeps until the tide is out, " * 200


def fill(connection):
    connection.execute(
        "CREATE TABLE people(name TEXT, mail TEXT, phone INTEGER, lat REAL, lon REAL, photo BLOB, none TEXT,"
        " twice AS (phone * 2), many TEXT)"
    )
    connection.execute("CREATE TABLE numbers(phone INTEGER PRIMARY KEY)")
    connection.execute("CREATE TABLE keyed(key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID")
    connection.execute("CREATE INDEX by_mail ON people(mail)")
    connection.execute("BEGIN")
    for n in range(120):
        connection.execute(
            "INSERT INTO people VALUES (?, ?, ?, ?, ?, ?, NULL, ?)",
            (f"Ada{n}", f"ada{n}@mail.example", 447_700_900_000 + n, 48.8583701, -2.5, bytes(range(200, 240)), "x" * 20),
        )
        connection.execute("INSERT INTO keyed VALUES (?, ?)", (f"k{n}", f"Graureiher – 苍鹭 {n}"))
    connection.execute("UPDATE people SET many = ? WHERE name = 'Ada7'", (LONG,))
    connection.execute("INSERT INTO numbers VALUES (447700900142)")
    connection.execute("CREATE TABLE gone(text TEXT)")
    for n in range(60):
        connection.execute("INSERT INTO gone VALUES (?)", (f"{NOTE} {n} " + "y" * 40,))
    connection.execute("COMMIT")
    connection.execute("DELETE FROM people WHERE name = 'Ada9'")
    connection.execute("DROP TABLE gone")


for name, pragmas in {
    "utf8": ["page_size = 1024", "secure_delete = OFF", "auto_vacuum = NONE"],
    "utf16le": ["page_size = 512", "encoding = 'UTF-16le'", "secure_delete = OFF", "auto_vacuum = INCREMENTAL"],
    "utf16be": ["page_size = 4096", "encoding = 'UTF-16be'", "secure_delete = OFF"],
}.items():
    path = work / f"{name}.db"
    connection = database(path, *pragmas)
    fill(connection)
    connection.close()
    shutil.copy(path, fixtures / f"{name}.sqlite")

# What stood in pages before a change that is under way.
path = work / "journal.db"
connection = database(path, "page_size = 512", "cache_size = 1")
connection.execute("CREATE TABLE messages(id INTEGER PRIMARY KEY, text TEXT)")
connection.execute("INSERT INTO messages VALUES (1, 'The heron lands at dusk')")
connection.execute("BEGIN")
connection.execute("UPDATE messages SET text = 'gone'")
for n in range(40):
    connection.execute("INSERT INTO messages VALUES (NULL, ?)", ("z" * 200,))
shutil.copy(f"{path}-journal", fixtures / "journal.sqlite-journal")
connection.close()
