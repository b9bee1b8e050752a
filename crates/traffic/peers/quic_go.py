"""HTTP/3 of three other stacks: quic-go answers in Caddy, ngtcp2 asks in curl, and Chromium asks with its own.

Chromium's first flight is the hard one: a key share too large for a datagram, its frames shuffled and padded.
"""

import base64
import hashlib
import os
import shutil
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingMixIn, UnixStreamServer

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from curl_cffi import Curl, CurlHttpVersion, CurlOpt

NEEDS = "caddy (apt; quic-go), curl_cffi 0.17 (curl 8 with BoringSSL, ngtcp2 and nghttp3), chromium (apt)"
HOST, ADDRESS = "chat.example", "127.20.4.4"

CADDY = """
{{
    admin off
    auto_https off
    servers {{
        protocols h1 h2 h3
    }}
}}
https://{host}:443 {{
    bind {address}
    tls {certificate} {key}
    encode gzip
    header Cache-Control no-store
    handle /page {{
        header Content-Type text/html
        respond `<title>first</title><script>(async () => {{
            for (const text of ['The egret waits by the weir', 'The egret flies off']) {{
                const answer = await fetch('/messages?page=1', {{
                    method: 'POST', headers: {{'content-type': 'application/json'}}, body: JSON.stringify({{to: 'bob', text}})}});
                document.title = await answer.text();
            }}
        }})()</script>`
    }}
    handle /inbox {{
        header Content-Type "text/plain; charset=utf-8"
        root * {folder}
        file_server
    }}
    handle {{
        reverse_proxy unix/{folder}/store.sock
    }}
}}
"""


class Store(BaseHTTPRequestHandler):
    """Reads a message to its end, behind Caddy, on a socket that is no network."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "15")
        self.end_headers()
        self.wfile.write(b'{"stored":true}')

    def address_string(self):
        return "caddy"

    def log_message(self, *arguments):
        pass


class Local(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True


def curl(stage, *requests):
    """Requests of one connection."""
    handle = Curl()
    for method, path, body in requests:
        answer = []
        handle.setopt(CurlOpt.URL, f"https://{HOST}{path}".encode())
        handle.setopt(CurlOpt.HTTP_VERSION, CurlHttpVersion.V3ONLY)
        handle.setopt(CurlOpt.CAINFO, str(stage.authority.path).encode())
        handle.setopt(CurlOpt.RESOLVE, [f"{HOST}:443:{ADDRESS}".encode()])
        handle.setopt(CurlOpt.WRITEFUNCTION, answer.append)
        handle.setopt(CurlOpt.ACCEPT_ENCODING, b"gzip")
        if body:
            handle.setopt(CurlOpt.HTTPHEADER, [b"content-type: application/json"])
            handle.setopt(CurlOpt.POSTFIELDS, body)
        else:
            handle.setopt(CurlOpt.HTTPGET, 1)
        handle.perform()
        assert b"".join(answer), path
    handle.close()


def browse(stage, certificate):
    public = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    spki = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    command += ["--disable-component-update", "--disable-sync", "--disable-default-apps", f"--user-data-dir={stage.folder}/browser"]
    command += [f"--origin-to-force-quic-on={HOST}:443", f"--host-resolver-rules=MAP {HOST} {ADDRESS}, MAP * ~NOTFOUND"]
    command += [f"--ignore-certificate-errors-spki-list={base64.b64encode(hashlib.sha256(spki).digest()).decode()}"]
    command += [f"--ssl-key-log-file={stage.key_log}", "--virtual-time-budget=4000", "--dump-dom", f"https://{HOST}/page"]
    shown = subprocess.run(command, capture_output=True, timeout=60, check=True, env={**os.environ, "HOME": str(stage.folder)})
    assert b'<title>{"stored"' in shown.stdout, shown.stdout


def play(stage):
    os.environ["SSLKEYLOGFILE"] = str(stage.key_log)
    certificate = stage.authority.issue(HOST)
    text = certificate.read_text()
    end = text.index("-----END PRIVATE KEY-----") + len("-----END PRIVATE KEY-----\n")
    key, chain = stage.folder / "key.pem", stage.folder / "chain.pem"
    key.write_text(text[:end])
    chain.write_text(text[end:])
    files = stage.folder / "files"
    files.mkdir()
    files.chmod(0o755)
    (files / "inbox").write_text("The bittern booms before dawn. " * 40)
    store = Local(str(files / "store.sock"), Store)
    threading.Thread(target=store.serve_forever, daemon=True).start()
    config = stage.folder / "Caddyfile"
    config.write_text(CADDY.format(host=HOST, address=ADDRESS, certificate=chain, key=key, folder=files))
    environment = {**os.environ, "HOME": str(stage.folder), "XDG_DATA_HOME": str(stage.folder)}
    server = subprocess.Popen(["caddy", "run", "--adapter", "caddyfile", "--config", config], env=environment, stderr=subprocess.DEVNULL)
    time.sleep(1.5)
    try:
        curl(stage, ("POST", "/messages", b'{"to":"bob","text":"The heron lands at dusk"}'), ("GET", "/inbox", None), ("POST", "/messages", b'{"to":"bob","text":"A heron again"}'))
        browse(stage, chain)
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(stage.folder / "browser", ignore_errors=True)
