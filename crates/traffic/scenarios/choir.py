"""A group messenger that keeps its word: what is said in a group stays inside MLS, and its app refuses forged certificates."""

import json
import os
import ssl
import subprocess
from pathlib import Path

import chat
from chat import Provider, compact
from phone import Phone
from stage import Authority, Response

NORA, IVO, UMA = "+447700900412", "+33639982477", "+12025550176"
ENGLISH = "Rehearsal moves to the old boathouse, bring the blue folders"
GREEK = "Ο φάρος ανάβει στις επτά, ελάτε από την πίσω πόρτα"
HOST = "api.choir.example"
# Where `npm install ts-mls @noble/hashes` was run.
MODULES = Path(os.environ.get("MLS_MODULES", "."))


class Singer:
    """One person's app: an account with the provider, a member of an MLS group."""

    def __init__(self, phone, number):
        self.phone, self.number, self.seen = phone, number, 0
        script = Path(__file__).with_name("mls.mjs")
        self.mls = subprocess.Popen(["node", script], cwd=MODULES, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def do(self, what, **more):
        self.mls.stdin.write(json.dumps({"do": what, **more}) + "\n")
        self.mls.stdin.flush()
        return json.loads(self.mls.stdout.readline())

    def call(self, method, target, body=None):
        headers = [("Authorization", f"Bearer {self.token}")]
        return json.loads(self.connection.request(method, target, body, headers=headers).content)

    def sign_up(self):
        """Registers the account and publishes a key package."""
        self.connection = self.phone.connect(HOST)
        answer = json.loads(self.connection.request("POST", "/v2/accounts", {"phone": self.number}).content)
        self.user, self.token = answer["user"], answer["token"]
        package = self.do("start", name=self.user)
        self.call("PUT", "/v2/keys", {"identity": self.user, "one_time": [package]})

    def found(self, others):
        """Makes a group of oneself and others, out of their key packages."""
        packages = [self.call("GET", f"/v2/keys/{other.user}")["one_time"] for other in others]
        welcome = self.do("found", group="choir-7", members=packages)
        for other in others:
            self.call("POST", "/v2/messages", {"to": other.user, "welcome": welcome})

    def send(self, others, content):
        """Seals one message and hands it to the provider for everybody else."""
        message = self.do("seal", content=compact(content).decode())
        for other in others:
            self.call("POST", "/v2/messages", {"to": other.user, "mls": message})

    def receive(self):
        contents = []
        for item in self.call("GET", f"/v2/queue?since={self.seen}")["items"]:
            self.seen = item["seq"]
            if "welcome" in item:
                self.do("join", welcome=item["welcome"])
            elif "mls" in item:
                contents.append(json.loads(self.do("open", message=item["mls"])))
                self.call("POST", "/v2/receipts", {"to": item["from"], "for": item["seq"], "state": "delivered"})
        return contents

    def leave(self):
        self.connection.__exit__()
        self.mls.stdin.close()
        self.mls.wait()


def play(stage):
    provider = Provider("choir")
    stage.serve("connectivitycheck.os-vendor.example", "127.20.9.1", chat.connectivity, plain=True)
    stage.serve(HOST, "127.20.6.1", provider.api)
    phones = [Phone(stage, f"127.20.0.{last}") for last in (61, 62, 63)]
    nora, ivo, uma = singers = [Singer(phone, number) for phone, number in zip(phones, (NORA, IVO, UMA))]
    for phone in phones:
        phone.connectivity_check()
    for singer in singers:
        singer.sign_up()
    nora.found([ivo, uma])
    assert ivo.receive() == uma.receive() == []
    nora.send([ivo, uma], {"kind": "text", "text": ENGLISH})
    told = [{"kind": "text", "text": ENGLISH}]
    assert ivo.receive() == uma.receive() == told
    uma.send([nora, ivo], {"kind": "text", "text": GREEK})
    assert nora.receive() == ivo.receive() == [{"kind": "text", "text": GREEK}]
    for singer in singers:
        singer.leave()


def play_forged(stage):
    """The same app behind an interceptor whose authority the phone does not trust: it gives up, three times."""
    stage.serve(HOST, "127.20.6.1", lambda *request: Response(body=b"{}"))
    phone = Phone(stage, "127.20.0.61")
    trusted = stage.folder / "vendor"
    trusted.mkdir()
    phone.tls = ssl.create_default_context(cafile=Authority(trusted).path)
    phone.tls.keylog_filename = str(stage.key_log)
    for _ in range(3):
        try:
            phone.connect(HOST)
        except ssl.SSLCertVerificationError:
            continue
        raise AssertionError("the forged certificate was accepted")


# Captures beside the first: file name and who plays.
MORE = {"forged.pcapng": play_forged}
