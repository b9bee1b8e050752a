"""A scanner asks a server for SSL 2.0, SSL 3.0 and old TLS: hellos that no client of today sends by itself."""

import subprocess
import time

NEEDS = "sslscan 2 (client), OpenSSL (server)"


def play(stage):
    key, certificate = stage.folder / "old.key", stage.folder / "old.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=old.chatterly.example", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )
    # A cipher list of level 0 lets the server speak TLS 1.0.
    server = subprocess.Popen(
        ["openssl", "s_server", "-accept", "127.20.3.34:8443", "-key", str(key), "-cert", str(certificate), "-cipher", "ALL:@SECLEVEL=0", "-quiet"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    time.sleep(0.7)
    try:
        for version in ("--ssl2", "--ssl3", "--tls10"):
            options = ["--no-heartbleed", "--no-compression", "--no-renegotiation", "--no-fallback", "--no-groups", "--no-check-certificate", "--no-colour"]
            subprocess.run(["sslscan", version, *options, "127.20.3.34:8443"], check=True, capture_output=True)
    finally:
        server.terminate()
        server.wait()
