"""HTTP/2 of four stacks: prior knowledge, upgrade, ALPN; pushes, padding, CONTINUATION, trailers, flow control."""

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
from curl_cffi import Curl, CurlHttpVersion, CurlOpt

NEEDS = "nghttp2 1.52 (nghttp, nghttpd, nghttpx), curl 7, Node 20, httpx and Hypercorn (hyper-h2), curl_cffi (Chrome's settings), Caddy 2.6 (Go)"
HOST = "chat.example"
NGHTTPD, HYPERCORN, CADDY, NGHTTPX = "127.20.6.1", "127.20.6.2", "127.20.6.3", "127.20.6.4"
KIT = Path(__file__).parent / "kit"
JSON = "content-type: application/json"

CADDYFILE = """
{{
    admin off
    auto_https off
}}
https://{host}:443 {{
    bind {address}
    tls {chain} {key}
    encode gzip
    root * {folder}
    file_server
}}
"""


def message(text):
    return f'{{"to":"bob","text":"{text}"}}'


def run(*command):
    subprocess.run(command, check=True, timeout=10, stdout=subprocess.DEVNULL)


def nghttp2(stage):
    """nghttp2's own tools, and curl, whose HTTP/2 is nghttp2's too."""
    folder = stage.folder / "htdocs"
    folder.mkdir()
    (folder / "index.html").write_text("<p>The grebe dives</p>")
    (folder / "style.css").write_text("/* The grebe is pushed */")
    (folder / "large.txt").write_text("The coot crosses the pond. " * 700)
    certificate = stage.authority.issue(HOST)
    common = ["-a", NGHTTPD, "-d", str(folder), "--echo-upload", "--trailer", "x-digest: reed-bank-digest", "-p/=/style.css"]
    servers = [
        subprocess.Popen(["nghttpd", "--no-tls", *common, "8080"], stdout=subprocess.DEVNULL),
        subprocess.Popen(["nghttpd", "--no-tls", "-b", "200", *common, "8081"], stdout=subprocess.DEVNULL),
        subprocess.Popen(["nghttpd", *common, "443", certificate, certificate], stdout=subprocess.DEVNULL),
        # nghttpd does not upgrade: a proxy does, and speaks HTTP/2 behind.
        subprocess.Popen(["nghttpx", "--conf=/dev/null", f"-f{NGHTTPX},8080;no-tls", f"-b{NGHTTPD},8080;;proto=h2", "-LFATAL"]),
    ]
    time.sleep(0.6)
    body = stage.folder / "body"
    try:
        clear = f"http://{NGHTTPD}:8080"
        body.write_text(message("The heron lands at dusk"))
        run("nghttp", "-n", "-d", body, "-H", JSON, "--trailer", "x-signed-by: ann-of-the-reeds", f"{clear}/messages?n=1")
        # A header block of several frames, bodies with padding, and what is pushed.
        body.write_text(message("A heron among padding"))
        run("nghttp", "-n", "-b", "100", "-d", body, "-H", JSON, "--continuation", f"http://{NGHTTPD}:8081/messages?n=2")
        run("nghttp", "-n", f"{clear}/", f"{clear}/index.html")
        run("nghttp", "-n", "-m", "2", "-w", "12", f"{clear}/large.txt")
        # HTTP/1.1 that becomes HTTP/2: a request without a body, and one that waits behind OPTIONS.
        upgrading = f"http://{NGHTTPX}:8080"
        run("nghttp", "-n", "-u", "-H", "cookie: sid=eel-trap-64", f"{upgrading}/index.html?upgraded=1")
        body.write_text(message("A heron behind the upgrade"))
        run("nghttp", "-n", "-u", "-d", body, "-H", JSON, f"{upgrading}/messages?n=3")
        curl = ["curl", "-sS", "--max-time", "5", "--noproxy", "*", "-o", "/dev/null"]
        run(*curl, "--http2", "-H", f"Host: {HOST}", "-H", "authorization: Bearer willow-weir-41", f"{upgrading}/style.css?upgraded=2")
        knowing = ["--http2-prior-knowledge", "-H", f"Host: {HOST}", "-H", JSON]
        run(*curl, *knowing, "-d", message("The egret knows before"), f"{clear}/messages?n=4")
        sealed = ["--http2", "--cacert", stage.authority.path, "--connect-to", f"{HOST}:443:{NGHTTPD}:443", "-H", JSON]
        run(*curl, *sealed, "-d", message("The egret by ALPN"), f"https://{HOST}/messages?n=6")
        run(*curl, *sealed, "--tls-max", "1.2", "-F", "text=The snipe zigzags over the marsh", f"https://{HOST}/upload")
    finally:
        for server in servers:
            server.terminate()
            server.wait()


def hyper(stage):
    """hyper-h2 on both sides, then Node's client."""
    certificate = stage.authority.issue(HOST)
    command = [sys.executable, "-m", "hypercorn", "application:application", "--bind", f"{HYPERCORN}:443", "--certfile", certificate, "--keyfile", certificate]
    server = subprocess.Popen(command, cwd=KIT, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    time.sleep(1.2)
    try:
        with httpx.Client(http2=True, verify=str(stage.authority.path)) as client:
            for n in range(3):
                headers = {"Host": HOST}
                client.post(f"https://{HYPERCORN}/messages?n={n}", json={"to": "bob", "text": f"The curlew calls {n}"}, headers=headers, extensions={"sni_hostname": HOST})
            answer = client.get(f"https://{HYPERCORN}/inbox", headers={"Host": HOST}, extensions={"sni_hostname": HOST})
            assert answer.http_version == "HTTP/2", answer.http_version
        run("node", KIT / "http2_client.mjs", f"https://{HYPERCORN}", stage.authority.path, stage.key_log)
    finally:
        server.terminate()
        server.wait()


def go(stage):
    """Go's server, and curl with the settings of Chrome."""
    text = stage.authority.issue(HOST).read_text()
    end = text.index("-----END PRIVATE KEY-----") + len("-----END PRIVATE KEY-----\n")
    key, chain, config = (stage.folder / name for name in ("key.pem", "chain.pem", "Caddyfile"))
    key.write_text(text[:end])
    chain.write_text(text[end:])
    folder = stage.folder / "files"
    folder.mkdir()
    (folder / "inbox.txt").write_text("The crane calls over the marsh. " * 100)
    config.write_text(CADDYFILE.format(host=HOST, address=CADDY, chain=chain, key=key, folder=folder))
    environment = {**os.environ, "HOME": str(stage.folder), "XDG_DATA_HOME": str(stage.folder)}
    server = subprocess.Popen(["caddy", "run", "--adapter", "caddyfile", "--config", config], env=environment, stderr=subprocess.DEVNULL)
    time.sleep(1.2)
    handle = Curl()
    try:
        handle.impersonate("chrome")
        handle.setopt(CurlOpt.HTTP_VERSION, CurlHttpVersion.V2TLS)
        handle.setopt(CurlOpt.CAINFO, str(stage.authority.path).encode())
        handle.setopt(CurlOpt.RESOLVE, [f"{HOST}:443:{CADDY}".encode()])
        answer = []
        handle.setopt(CurlOpt.WRITEFUNCTION, answer.append)
        for path in ("/inbox.txt", "/nowhere?q=where+the+teal+sleeps"):
            handle.setopt(CurlOpt.URL, f"https://{HOST}{path}".encode())
            handle.perform()
        assert b"The crane calls" in b"".join(answer)
    finally:
        handle.close()
        server.terminate()
        server.wait()


def play(stage):
    os.environ["SSLKEYLOGFILE"] = str(stage.key_log)
    nghttp2(stage)
    hyper(stage)
    go(stage)
