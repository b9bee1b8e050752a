"""Server-sent events: names, ids, comments, data of several lines, by HTTP/1.1, flushed through gzip, and inside HTTP/2."""

import asyncio
import os
import subprocess
import threading
from pathlib import Path

import httpx
from httpx_sse import connect_sse
from hypercorn.asyncio import serve
from hypercorn.config import Config
from sse_starlette.sse import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.routing import Route

NEEDS = "sse-starlette under Hypercorn (server), httpx-sse 0.4 over httpx, curl 7, Node 20's fetch (clients), nginx 1.22 between"
HOST, ADDRESS = "chat.example", "127.20.8.5"


async def events(request):
    text = request.query_params["text"]

    async def stream():
        yield ServerSentEvent(comment="the reeds are quiet")
        yield ServerSentEvent(data=f'{{"from":"bob","text":"{text} once"}}', event="message", id="41", retry=3000)
        await asyncio.sleep(0.05)
        yield ServerSentEvent(data=f"{text}\nover two lines", event="note", sep="\n")
        yield ServerSentEvent(data=f"{text} with CR alone", sep="\r")

    return EventSourceResponse(stream(), ping=60)


NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{}}
http {{
    access_log off;
    server {{
        listen {address}:8081;
        gzip on;
        gzip_min_length 1;
        gzip_types text/event-stream;
        location / {{
            proxy_pass http://{address}:8080;
            proxy_buffering off;
            proxy_http_version 1.1;
        }}
    }}
}}
"""


async def listen(certificate, ready):
    config = Config()
    config.bind, config.insecure_bind = [f"{ADDRESS}:443"], [f"{ADDRESS}:8080"]
    config.certfile = config.keyfile = str(certificate)
    config.errorlog = None
    application = Starlette(routes=[Route("/events", events, methods=["GET", "POST"])])
    ready.set()
    await serve(application, config, shutdown_trigger=asyncio.Event().wait)


def play(stage):
    os.environ["SSLKEYLOGFILE"] = str(stage.key_log)
    certificate = stage.authority.issue(HOST)
    ready = threading.Event()
    threading.Thread(target=lambda: asyncio.run(listen(certificate, ready)), daemon=True).start()
    ready.wait()
    threading.Event().wait(0.8)
    headers = {"Host": HOST}
    with httpx.Client() as client:
        with connect_sse(client, "GET", f"http://{ADDRESS}:8080/events?text=The+heron+lands+at+dusk", headers=headers) as source:
            assert len(list(source.iter_sse())) == 3
    with httpx.Client(http2=True, verify=str(stage.authority.path)) as client:
        extensions = {"sni_hostname": HOST}
        with connect_sse(client, "POST", f"https://{ADDRESS}/events?text=The+egret+over+two", headers=headers, extensions=extensions, content=b'{"since":"40"}') as source:
            assert len(list(source.iter_sse())) == 3
    curl = ["curl", "-sSN", "--max-time", "5", "--noproxy", "*", "-o", "/dev/null", "-H", f"Host: {HOST}"]
    subprocess.run([*curl, "-H", "Last-Event-ID: 41", f"http://{ADDRESS}:8080/events?text=The+bittern+by+curl"], check=True)
    config = stage.folder / "nginx.conf"
    config.write_text(NGINX.format(folder=stage.folder, address=ADDRESS))
    proxy = subprocess.Popen(["nginx", "-p", stage.folder, "-c", config])
    threading.Event().wait(0.5)
    try:
        subprocess.run([*curl, "--compressed", f"http://{ADDRESS}:8081/events?text=The+crane+squeezed"], check=True)
    finally:
        proxy.terminate()
        proxy.wait()
    script = f"const a = await fetch('http://{ADDRESS}:8080/events?text=The+grebe+by+fetch'); await a.text()"
    subprocess.run(["node", "--input-type=module", "-e", script], check=True, timeout=10)
