#!/usr/bin/env python3
"""Records real TLS sessions on loopback as fixtures: tests/fixtures/tls/*.tls.

    crates/traffic/tls/record.py [NAME…]      (needs openssl 3 and gnutls-bin; writes into the repository)

Every case starts a server and a client of OpenSSL or GnuTLS on 127.0.0.1, with a relay between them that notes which
bytes went which way in which order. A fixture is text, one item a line:

    # what the session shows
    secret LABEL CLIENT_RANDOM SECRET     a line of the key log, hex
    rsa DER                               the server's private key, PKCS#8, hex (only where the case is about it)
    expect > TEXT                         what the client's application sent, hex, all of it
    expect < TEXT                         what the server's application sent
    fact NAME VALUE                       a fact that the dissector must state
    > HEX  /  < HEX                       bytes to the server / to the client, in the order in which they went
    end > / end <                         one direction ended

Keys, names and words in them are made up for the purpose.
"""

import os
import pathlib
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
OUT = ROOT / "tests" / "fixtures" / "tls"
WORDS = "The heron lands at dusk, not before"
PSK = "6865726f6e6865726f6e6865726f6e31"


class Relay:
    """Accepts one connection, passes it on, and keeps what went by."""

    def __init__(self, upstream):
        self.upstream = upstream
        self.items = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        client, _ = self.socket.accept()
        server = socket.create_connection(("127.0.0.1", self.upstream), timeout=5)
        server.settimeout(None)
        ends = {client: (">", server), server: ("<", client)}
        open_ends = set(ends)
        while open_ends:
            ready, _, _ = select.select(list(open_ends), [], [], 10)
            if not ready:
                break
            for end in ready:
                mark, other = ends[end]
                try:
                    data = end.recv(65536)
                except OSError:
                    data = b""
                if data:
                    self.items.append((mark, data))
                    try:
                        other.sendall(data)
                    except OSError:
                        pass
                else:
                    self.items.append(("end", mark))
                    open_ends.discard(end)
                    try:
                        other.shutdown(socket.SHUT_WR)
                    except OSError:
                        pass
        client.close()
        server.close()
        self.socket.close()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def wait_for(check, seconds=8):
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if check():
            return True
        time.sleep(0.02)
    return False


def listening(port):
    # Without connecting: a server counts connections.
    needle = f":{port:04X} "
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table) as lines:
            if any(needle in line.split()[1] + " " and line.split()[3] == "0A" for line in list(lines)[1:]):
                return True
    return False


class Talker:
    """A process that is talked to through pipes."""

    def __init__(self, argv, env=None):
        self.seen = b""
        environment = {k: v for k, v in os.environ.items() if k != "SSLKEYLOGFILE"} | (env or {})
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
        )
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while chunk := os.read(self.process.stdout.fileno(), 65536):
            self.seen += chunk

    def say(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def stop(self):
        try:
            self.process.stdin.close()
        except OSError:
            pass
        try:
            self.process.wait(3)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            self.process.wait(3)


class Workshop:
    """Certificates and temporary files."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.make("ec", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
        self.make("rsa", ["-newkey", "rsa:2048"])

    def make(self, name, key):
        subject = "/O=Chatterly/CN=api.chatterly.example"
        argv = ["openssl", "req", "-x509", *key, "-nodes", "-subj", subject, "-days", "3650"]
        subprocess.run(
            [*argv, "-keyout", self.path(name + ".key"), "-out", self.path(name + ".pem")], check=True, capture_output=True
        )

    def path(self, name):
        return str(self.folder / name)


def openssl_server(shop, port, key="ec", extra=(), echo=True):
    argv = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-naccept", "3"]
    if key:
        argv += ["-cert", shop.path(key + ".pem"), "-key", shop.path(key + ".key")]
    else:
        argv += ["-nocert"]
    return Talker([*argv, *(["-rev"] if echo else []), *extra])


def openssl_client(shop, port, log, extra=()):
    argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "api.chatterly.example"]
    return Talker([*argv, "-keylogfile", log, *extra])


def gnutls_server(shop, port, key="ec", extra=()):
    argv = ["gnutls-serv", "--port", str(port), "--echo", "--disable-client-cert", "--nodb"]
    argv += ["--x509certfile", shop.path(key + ".pem"), "--x509keyfile", shop.path(key + ".key")]
    return Talker([*argv, *extra])


def gnutls_client(shop, port, log, extra=()):
    argv = ["gnutls-cli", "--insecure", "--port", str(port), "--sni-hostname", "api.chatterly.example", "127.0.0.1"]
    return Talker([*argv, *extra], {"SSLKEYLOGFILE": log})


def talk(client, lines, reverse, sent, got):
    """Says each line and waits for its echo."""
    for line in lines:
        if len(line) == 1:
            # A command of s_client; it acts at once and sends nothing of ours.
            client.say(line + "\n")
            time.sleep(0.4)
            continue
        answer = line[::-1] if reverse else line
        before = client.seen.count(answer.encode())
        # A terminal echo is not to be mistaken for an answer: pipes have none.
        client.say(line + "\n")
        if not wait_for(lambda: client.seen.count(answer.encode()) > before):
            raise RuntimeError(f"no answer to {line!r}; saw:\n{client.seen.decode(errors='replace')[-2000:]}")
        sent.append(line + "\n")
        got.append(answer + "\n")


def write(name, about, items, log, sent, got, facts, rsa=None):
    lines = [f"# {about}"]
    if log and os.path.exists(log):
        seen = []
        for line in open(log):
            parts = line.split()
            if len(parts) == 3 and len(parts[1]) == 64 and not line.startswith("#") and line not in seen:
                seen.append(line)
                lines.append("secret " + " ".join(parts))
    if rsa:
        lines.append("rsa " + rsa)
    lines.append("expect > " + "".join(sent).encode().hex())
    lines.append("expect < " + "".join(got).encode().hex())
    lines += [f"fact {name} {value}" for name, value in facts]
    for mark, data in items:
        lines.append(f"end {data}" if mark == "end" else f"{mark} {data.hex()}")
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / f"{name}.tls").write_text("\n".join(lines) + "\n")
    print(f"{name}: {sum(len(d) for m, d in items if m != 'end')} bytes")


CASES = {}


def case(name, about, **options):
    CASES[name] = (about, options)


def run_case(shop, name):
    about, o = CASES[name]
    make_server = gnutls_server if o.get("peer") == "gnutls" else openssl_server
    make_client = gnutls_client if o.get("peer") in ("gnutls", "gnutls-client") else openssl_client
    log = shop.path(name + ".keys")
    port = free_port()
    server = make_server(shop, port, o.get("key", "ec"), o.get("server", ()))
    try:
        if not wait_for(lambda: listening(port)):
            raise RuntimeError(server.seen.decode(errors="replace"))
        if first := o.get("first"):
            # An earlier session, whose ticket or id the recorded one resumes.
            client = make_client(shop, port, shop.path("first.keys"), [a.format(shop=shop.folder) for a in first])
            talk(client, [WORDS + " (first)"], o.get("peer") != "gnutls", [], [])
            time.sleep(0.2)
            client.stop()
        relay = Relay(port)
        extra = [a.format(shop=shop.folder) for a in o.get("client", ())]
        sent, got = [], []
        early = o.get("early")
        if early:
            pathlib.Path(shop.path("early")).write_text(early)
            sent.append(early)
        client = make_client(shop, relay.port, log, extra)
        talk(client, o.get("say", [WORDS + " (1)", WORDS + " (2)"]), o.get("peer") != "gnutls", sent, got)
        if not o.get("early_accepted", True):
            sent.pop(0)
        time.sleep(0.1)
        client.stop()
        relay.thread.join(12)
    finally:
        server.stop()
    rsa = None
    if o.get("rsa_only"):
        pem = shop.path(o.get("key", "rsa") + ".key")
        der = subprocess.run(["openssl", "pkcs8", "-topk8", "-nocrypt", "-in", pem, "-outform", "DER"], capture_output=True)
        rsa = der.stdout.hex()
        log = None
    write(name, about, relay.items, log, sent, got, o.get("facts", ()), rsa)


V13, V12 = ("tls.version", "TLS 1.3"), ("tls.version", "TLS 1.2")
WEAK = ":@SECLEVEL=0"

for suite in (
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_CCM_SHA256",
    "TLS_AES_128_CCM_8_SHA256",
):
    case(
        "13-" + suite[4:].lower().replace("_", "-"),
        f"TLS 1.3, {suite}",
        server=["-ciphersuites", suite, "-cipher", "DEFAULT" + WEAK],
        client=["-tls1_3", "-ciphersuites", suite, "-cipher", "DEFAULT" + WEAK],
        facts=[V13, ("tls.cipher-suite", suite), ("tls.sni", "api.chatterly.example")],
    )
case(
    "13-hello-retry",
    "TLS 1.3, HelloRetryRequest: the client's first key share is for a group the server does not take",
    server=["-groups", "P-384"],
    client=["-tls1_3", "-groups", "X25519:P-384"],
    facts=[V13, ("tls.key-exchange", "secp384r1")],
)
case(
    "13-key-update",
    "TLS 1.3, key updates asked for and answered, twice",
    client=["-tls1_3"],
    say=[WORDS + " (1)", "K", WORDS + " (2)", "k", WORDS + " (3)", "K", WORDS + " (4)"],
    facts=[V13],
)
case(
    "13-resumed",
    "TLS 1.3, resumed by ticket",
    first=["-tls1_3", "-sess_out", "{shop}/session"],
    client=["-tls1_3", "-sess_in", "{shop}/session"],
    facts=[V13, ("tls.resumed", "true")],
)
case("13-padding", "TLS 1.3, records padded to multiples of 256", client=["-tls1_3", "-record_padding", "256"],
     server=["-record_padding", "256"], facts=[V13])
case("13-tiny-records", "TLS 1.3, records of at most 512 bytes", client=["-tls1_3", "-max_send_frag", "512"],
     server=["-max_send_frag", "512"], say=[WORDS * 30], key="rsa", facts=[V13])
case("13-alpn", "TLS 1.3, ALPN h2", client=["-tls1_3", "-alpn", "h2,http/1.1"], server=["-alpn", "h2"],
     facts=[V13, ("tls.alpn", "h2")])
case(
    "13-client-certificate",
    "TLS 1.3, the client shows a certificate",
    server=["-Verify", "1"],
    client=["-tls1_3", "-cert", "{shop}/ec.pem", "-key", "{shop}/ec.key"],
    facts=[V13],
)
case("13-psk", "TLS 1.3, external pre-shared key", server=["-psk", PSK],
     client=["-tls1_3", "-psk", PSK, "-ciphersuites", "TLS_AES_128_GCM_SHA256"],
     facts=[V13, ("tls.resumed", "true")])
case("13-gnutls", "TLS 1.3 between GnuTLS peers", peer="gnutls", client=["--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.3"],
     facts=[V13])

for cipher, name in (
    ("ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    ("ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
    ("ECDHE-ECDSA-AES128-CCM", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM"),
    ("ECDHE-ECDSA-AES256-CCM8", "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8"),
    ("ECDHE-ECDSA-AES128-SHA", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"),
    ("ECDHE-ECDSA-AES128-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"),
    ("ECDHE-ECDSA-AES256-SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384"),
    ("ECDHE-ECDSA-NULL-SHA", "TLS_ECDHE_ECDSA_WITH_NULL_SHA"),
):
    case(
        "12-" + cipher.lower(),
        f"TLS 1.2, {name}",
        server=["-cipher", cipher + WEAK],
        client=["-tls1_2", "-cipher", cipher + WEAK],
        facts=[V12, ("tls.cipher-suite", name)],
    )
for cipher, key in (
    ("DHE-RSA-AES128-GCM-SHA256", "rsa"),
    ("AES256-GCM-SHA384", "rsa"),
    ("ADH-AES128-SHA256", None),
    ("AECDH-AES256-SHA", None),
):
    case("12-" + cipher.lower(), f"TLS 1.2, {cipher}", key=key, server=["-cipher", cipher + WEAK],
         client=["-tls1_2", "-cipher", cipher + WEAK], facts=[V12])
for cipher in ("PSK-AES128-GCM-SHA256", "ECDHE-PSK-AES128-CBC-SHA256", "DHE-PSK-AES256-CCM8"):
    case("12-" + cipher.lower(), f"TLS 1.2, {cipher}", key=None, server=["-psk", PSK, "-cipher", cipher + WEAK],
         client=["-tls1_2", "-psk", PSK, "-cipher", cipher + WEAK], facts=[V12])
for cipher in ("ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384"):
    case(
        "12-no-etm-" + cipher.lower(),
        f"TLS 1.2, {cipher}, MAC then encrypt",
        server=["-no_etm", "-cipher", cipher + WEAK],
        client=["-tls1_2", "-no_etm", "-cipher", cipher + WEAK],
        facts=[V12],
    )
case("12-resumed-ticket", "TLS 1.2, resumed by ticket", first=["-tls1_2", "-sess_out", "{shop}/session"],
     client=["-tls1_2", "-sess_in", "{shop}/session"], facts=[V12, ("tls.resumed", "true")])
case("12-resumed-id", "TLS 1.2, resumed by session id", first=["-tls1_2", "-no_ticket", "-sess_out", "{shop}/session"],
     client=["-tls1_2", "-no_ticket", "-sess_in", "{shop}/session"], server=["-no_ticket"],
     facts=[V12, ("tls.resumed", "true")])
case("12-renegotiated", "TLS 1.2, renegotiated by the client", server=["-client_renegotiation"], client=["-tls1_2"],
     say=[WORDS + " (1)", "R", WORDS + " (2)"], facts=[V12])
case("12-rsa-key", "TLS 1.2, RSA key exchange with extended master secret, and the server's key instead of a key log",
     key="rsa", server=["-cipher", "AES128-GCM-SHA256" + WEAK], client=["-tls1_2", "-cipher", "AES128-GCM-SHA256" + WEAK],
     rsa_only=True, facts=[V12, ("tls.key-exchange", "RSA")])
case("12-rsa-key-cbc", "TLS 1.2, RSA key exchange with CBC, and the server's key instead of a key log", key="rsa",
     server=["-cipher", "AES256-SHA" + WEAK], client=["-tls1_2", "-cipher", "AES256-SHA" + WEAK], rsa_only=True, facts=[V12])

GNUTLS = "NORMAL:+ARCFOUR-128:+3DES-CBC:+RSA:+SHA1:+MD5:%ALLOW_SMALL_RECORDS:%VERIFY_ALLOW_BROKEN:%UNSAFE_RENEGOTIATION"
case("12-rsa-key-no-ems", "TLS 1.2, RSA key exchange without extended master secret, and the server's key", key="rsa",
     peer="gnutls", client=["--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA:%NO_SESSION_HASH:%NO_ETM"],
     server=["--priority", "NORMAL:+RSA"], rsa_only=True, facts=[V12])
for minor, name in ((1, "10"), (2, "11")):
    version = f"TLS 1.{minor - 1}"
    flag = "-tls1" if minor == 1 else "-tls1_1"
    for etm in ("etm", "no-etm"):
        off = [] if etm == "etm" else ["-no_etm"]
        case(f"{name}-aes128-sha-{etm}", f"{version}, AES-128-CBC, {etm}",
             server=["-cipher", "ALL" + WEAK, flag, *off], client=[flag, "-cipher", "ECDHE-ECDSA-AES128-SHA" + WEAK, *off],
             facts=[("tls.version", version)])
    for suite, kx in (("3DES-CBC", "rsa"), ("ARCFOUR-128", "rsa")):
        priority = f"NONE:+VERS-TLS1.{minor - 1}:+{suite}:+SHA1:+MD5:+RSA:+ECDHE-RSA:+GROUP-ALL:+SIGN-ALL:+COMP-NULL"
        case(f"{name}-{suite.lower()}", f"{version}, {suite}, GnuTLS peers", key=kx, peer="gnutls",
             server=["--priority", priority], client=["--priority", priority], facts=[("tls.version", version)])
case("10-rsa-key", "TLS 1.0, RSA key exchange, and the server's key instead of a key log", key="rsa", peer="gnutls",
     server=["--priority", "NONE:+VERS-TLS1.0:+AES-128-CBC:+SHA1:+RSA:+COMP-NULL"],
     client=["--priority", "NONE:+VERS-TLS1.0:+AES-128-CBC:+SHA1:+RSA:+COMP-NULL"], rsa_only=True,
     facts=[("tls.version", "TLS 1.0")])


MANY = [f"{WORDS} ({number})" for number in range(1, 31)]
case("13-many", "TLS 1.3, thirty lines: something to lose records of", client=["-tls1_3"], say=MANY, facts=[V13])
for cipher in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-SHA256"):
    case("12-many-" + cipher[12:].lower(), f"TLS 1.2, {cipher}, thirty lines", client=["-tls1_2", "-cipher", cipher + WEAK],
         server=["-cipher", cipher + WEAK], say=MANY, facts=[V12])


def early_case(shop, name, about, accepted, retry=False):
    """0-RTT: s_server's -rev cannot take early data, so the server speaks through its own standard input."""
    log = shop.path(name + ".keys")
    options = ["-tls1_3", "-early_data"]
    port = free_port()
    server = openssl_server(shop, port, extra=options, echo=False)
    wait_for(lambda: listening(port))
    client = openssl_client(shop, port, shop.path("first.keys"), ["-tls1_3", "-sess_out", shop.path("session")])
    wait_for(lambda: b"Max Early Data" in client.seen)
    time.sleep(0.3)
    client.stop()
    if not accepted:
        server.stop()
        port = free_port()
        server = openssl_server(shop, port, extra=[*options, *(["-groups", "P-384"] if retry else [])], echo=False)
        wait_for(lambda: listening(port))
    relay = Relay(port)
    early = WORDS + " (early)\n"
    pathlib.Path(shop.path("early")).write_text(early)
    extra = ["-tls1_3", "-sess_in", shop.path("session"), "-early_data", shop.path("early")]
    client = openssl_client(shop, relay.port, log, [*extra, *(["-groups", "X25519:P-384"] if retry else [])])
    verdict = b"Early data was accepted" if accepted else b"Early data was rejected"
    if not wait_for(lambda: verdict in client.seen):
        raise RuntimeError(client.seen.decode(errors="replace"))
    sent, got = [early], []
    client.say(WORDS + " (1)\n")
    sent.append(WORDS + " (1)\n")
    if not wait_for(lambda: sent[-1].encode() in server.seen):
        raise RuntimeError(server.seen.decode(errors="replace"))
    server.say(WORDS + " (answer)\n")
    got.append(WORDS + " (answer)\n")
    wait_for(lambda: got[-1].encode() in client.seen)
    client.stop()
    relay.thread.join(12)
    server.stop()
    write(name, about, relay.items, log, sent, got, [V13])


EARLY = {
    "13-early-data": ("TLS 1.3, early data that the server takes", True, False),
    "13-early-data-rejected": ("TLS 1.3, early data that the server refuses", False, False),
    "13-early-data-retry": ("TLS 1.3, early data refused by a HelloRetryRequest", False, True),
}


def main():
    wanted = sys.argv[1:] or [*CASES, *EARLY]
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        shop = Workshop(folder)
        for name in wanted:
            try:
                if name in EARLY:
                    early_case(shop, name, *EARLY[name])
                else:
                    run_case(shop, name)
            except Exception as error:
                failed.append(name)
                print(f"{name}: FAILED: {error}", file=sys.stderr)
    if failed:
        sys.exit("not recorded: " + ", ".join(failed))


if __name__ == "__main__":
    main()
