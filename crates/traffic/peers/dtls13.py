"""wolfSSL's DTLS 1.3, client against server: three suites, and keys that are updated before data is sent."""

import os
import subprocess
import time
from pathlib import Path

NEEDS = (
    "wolfSSL 5 built in the folder that WOLFSSL names, with --enable-dtls --enable-dtls13 --enable-opensslextra "
    "--enable-aesccm and -DHAVE_SECRET_CALLBACK -DWOLFSSL_SSLKEYLOGFILE "
    "-DWOLFSSL_SSLKEYLOGFILE_OUTPUT='\"sslkeylog.log\"'"
)
HOST = "127.0.0.1"
SESSIONS = [
    ("TLS13-AES128-GCM-SHA256", []),
    ("TLS13-CHACHA20-POLY1305-SHA256", []),
    ("TLS13-AES128-CCM-SHA256", []),
    ("TLS13-AES256-GCM-SHA384", ["-I"]),
]


def play(stage):
    root = Path(os.environ["WOLFSSL"])
    log = root / "sslkeylog.log"
    log.unlink(missing_ok=True)
    certificate = stage.authority.issue("dtls13.chatterly.example")
    for number, (suite, more) in enumerate(SESSIONS):
        port = str(5684 + number)
        server = [root / "examples/server/server", "-u", "-v", "4", "-p", port, "-l", suite, "-d"]
        server = subprocess.Popen(
            [*server, "-c", certificate, "-k", certificate], cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(0.6)
        client = [root / "examples/client/client", "-u", "-v", "4", "-h", HOST, "-p", port, "-l", suite, "-x", "-d"]
        client += ["-A", stage.authority.path, "-S", "dtls13.chatterly.example", *more]
        subprocess.run(client, cwd=root, stdout=subprocess.DEVNULL, timeout=4)
        server.wait(timeout=4)
    stage.key_log.write_bytes(log.read_bytes())
