"""HTTP/1.0 and HTTP/1.1 in clear and inside TLS 1.2 and 1.3: framings, codings, pipelining, 100-continue, CONNECT."""

import asyncio
import http.client
import subprocess
from pathlib import Path

import aiohttp

NEEDS = "node 20 (server and client), undici 6 (npm install undici@6 at the root), curl 7, Python's http.client, aiohttp 3"
HOST, ADDRESS = "chat.example", "127.20.5.1"
KIT = Path(__file__).parent / "kit"
JSON = "content-type: application/json"


def message(text):
    return f'{{"to":"bob","text":"{text}"}}'


def curl(*arguments, body=None):
    base = ["curl", "-sS", "--max-time", "5", "--noproxy", "*", "-o", "/dev/null"]
    subprocess.run([*base, *arguments], input=body, check=True, stdout=subprocess.DEVNULL)


async def aio():
    async with aiohttp.ClientSession(cookies={"sid": "eel-trap-64"}) as session:
        form = aiohttp.FormData()
        form.add_field("text", "The snipe zigzags over the marsh")
        form.add_field("picture", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, filename="nest.png", content_type="image/png")
        headers = {"Host": HOST}
        async with session.post(f"http://{ADDRESS}:8080/upload", data=form, headers=headers) as answer:
            await answer.read()
        async with session.post(
            f"http://{ADDRESS}:8080/messages?aio=1", json={"to": "bob", "text": "The curlew calls compressed"}, compress="deflate", headers=headers
        ) as answer:
            await answer.read()


def play(stage):
    certificate = stage.authority.issue(HOST)
    server = subprocess.Popen(["node", KIT / "http1.mjs", ADDRESS, certificate, stage.key_log], stdout=subprocess.PIPE)
    server.stdout.readline()
    clear, sealed = f"http://{ADDRESS}:8080", f"https://{HOST}"
    codings = [f"/page?coding={coding}" for coding in ("gzip", "deflate", "br", "raw", "identity")]
    try:
        # One connection: every coding of a body, an answer without one, a body that 100-continue lets through, HEAD.
        curl("--compressed", "-H", f"Host: {HOST}", *[part for path in [*codings, "/nothing", "/same", "/trailers"] for part in ("-o", "/dev/null", clear + path)])
        curl("-H", f"Host: {HOST}", "-H", JSON, "-H", "Expect: 100-continue", "--data-binary", message("The heron lands at dusk"), f"{clear}/messages?n=1")
        curl("-I", "-H", f"Host: {HOST}", clear + codings[4], clear + codings[0])
        curl("--http1.0", "-H", f"Host: {HOST}", f"{clear}/old")
        curl("-T", "-", "-H", f"Host: {HOST}", "-H", JSON, f"{clear}/messages?n=2", body=message("A heron in chunks").encode())
        curl("-u", "ann:willow-weir-41", "-H", f"Host: {HOST}", "-d", "to=bob&text=A+heron+with+a+password", f"{clear}/messages?n=3")
        # Through a proxy: HTTP again, and TLS.
        curl("-p", "-x", clear, "-H", JSON, "-d", message("The teal passes through the tunnel"), f"{clear}/messages?n=4")
        resolve = ["--cacert", stage.authority.path, "--connect-to", f"{HOST}:443:{ADDRESS}:443"]
        curl("-p", "-x", clear, *resolve, "-H", JSON, "-d", message("The teal is sealed in the tunnel"), f"{sealed}/messages?n=5")
        for version, text in (("1.2", "The egret in one point two"), ("1.3", "The egret in one point three")):
            tls = ["--tls-max", version, "--http1.1", *resolve]
            curl(*tls, "--compressed", "-H", JSON, "-d", message(text), f"{sealed}/messages?tls={version}", "-o", "/dev/null", sealed + codings[2])
        connection = http.client.HTTPConnection(ADDRESS, 8080)
        connection.request("POST", "/messages?py=1", iter([b'{"to":"bob","text":"The rail', b' slips away in chunks"}']), {"Content-Type": "application/json", "Host": HOST}, encode_chunked=True)
        connection.getresponse().read()
        connection.request("GET", "/trailers", headers={"Host": HOST, "Cookie": "sid=eel-trap-64"})
        connection.getresponse().read()
        connection.close()
        asyncio.run(aio())
        subprocess.run(["node", KIT / "http1_client.mjs", ADDRESS], check=True, timeout=10)
    finally:
        server.terminate()
        server.wait()
