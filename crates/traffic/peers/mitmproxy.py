"""Flow files of mitmproxy, from 0.15 to the newest, and its HAR: HTTP/1, HTTP/2, gRPC, WebSocket, TCP, UDP and DNS."""

import asyncio
import gzip
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

NEEDS = (
    "hypercorn, aiohttp, grpcio, paho-mqtt 2 with PySocks, mosquitto, curl; and a folder MITMPROXIES with a virtual "
    "environment v12, v8, v6, v4, v2 and v0 for each version of mitmproxy: pip installs 12 on Python 3.12 or later, "
    "8.1.1 on 3.9, 6.0.2 on 3.8, 4.0.4 and 2.0.2 on 3.6, 0.15 on 2.7"
)

PROXY = "127.20.9.1"
CHAT, CHAT_PORT = "chat.heron.example", 443
PLAIN = "plain.heron.example"
GRPC = "grpc.heron.example"

ADDON = '''
from mitmproxy import ctx

class Meddle:
    """What a tester does at a proxy: changes a request, sends one again, puts in a message."""
    def request(self, flow):
        if flow.request.path == "/v1/changed" and not flow.is_replay:
            flow.backup()
            flow.request.content = b'{"text": "the tester wrote this instead"}'
            again = flow.copy()
            again.request.content = b'{"text": "the tester sent this again"}'
            again.request.path = "/v1/again"
            ctx.master.commands.call("replay.client", [again])
        if flow.request.path == "/v1/made-up":
            from mitmproxy import http
            flow.response = http.Response.make(200, b'{"text": "the proxy answered this"}')

    def websocket_message(self, flow):
        if flow.websocket.messages[-1].content.startswith(b"inject"):
            ctx.master.commands.call("inject.websocket", flow, True, b"the tester put this in")

addons = [Meddle()]
'''


async def app(scope, receive, send):
    """The vendor's server: answers every POST, echoes WebSocket messages."""
    if scope["type"] == "lifespan":
        while True:
            event = (await receive())["type"]
            await send({"type": event + ".complete"})
            if event == "lifespan.shutdown":
                return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while True:
            event = await receive()
            if event["type"] != "websocket.receive":
                return
            text = event.get("text")
            await send({"type": "websocket.send", "text": f"heard: {text}"} if text else
                       {"type": "websocket.send", "bytes": event["bytes"][::-1]})
    body, more = b"", True
    while more:
        event = await receive()
        body, more = body + event.get("body", b""), event.get("more_body", False)
    path = scope["path"]
    headers = [(b"content-type", b"application/json")]
    answer = json.dumps({"ok": True, "got": len(body), "path": path}).encode()
    if path == "/v1/inbox":
        answer = gzip.compress(json.dumps({"text": "The ruff dances on the mere"}).encode(), mtime=0)
        headers.append((b"content-encoding", b"gzip"))
    if path == "/v1/avatar":
        answer, headers = bytes(range(256)), [(b"content-type", b"image/png")]
    if path == "/v1/large":
        answer = b"{" + b" " * 200_000 + b"}"
    headers.append((b"content-length", str(len(answer)).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


def serve(stage):
    """The vendor's servers."""
    from hypercorn.asyncio import serve as hypercorn
    from hypercorn.config import Config

    def run(**settings):
        config = Config()
        config.loglevel = "CRITICAL"
        for name, value in settings.items():
            setattr(config, name, value)

        def loop():
            asyncio.run(hypercorn(app, config, shutdown_trigger=asyncio.Event().wait))

        threading.Thread(target=loop, daemon=True).start()

    pem = str(stage.authority.issue(CHAT))
    run(bind=["127.20.9.10:443"], certfile=pem, keyfile=pem, alpn_protocols=["h2", "http/1.1"])
    run(bind=["127.20.9.11:80"])

    import grpc
    from concurrent import futures

    pem = stage.authority.issue(GRPC).read_bytes()
    split = pem.index(b"-----BEGIN CERTIFICATE")
    server = grpc.server(futures.ThreadPoolExecutor(2))
    handler = grpc.unary_unary_rpc_method_handler(lambda request, context: b"\x0a\x08" + b"received")
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("heron.Chat", {"Send": handler}),))
    server.add_secure_port("127.20.9.12:443", grpc.ssl_server_credentials([(pem[:split], pem[split:])]))
    server.start()

    config = stage.folder / "mosquitto.conf"
    config.write_text("allow_anonymous true\nuser root\nlistener 1883 127.20.9.13\n")
    broker = subprocess.Popen(["mosquitto", "-c", str(config)], stderr=subprocess.DEVNULL)

    def datagrams():
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.20.9.14", 7777))
        while True:
            said, whose = udp.recvfrom(4096)
            udp.sendto(b'{"ack":%d}' % len(said), whose)

    threading.Thread(target=datagrams, daemon=True).start()
    time.sleep(1)
    return server, broker


class Proxy:
    """One mitmdump, which resolves the stage's names."""

    def __init__(self, stage, version, *options):
        self.home = stage.folder / version
        self.home.mkdir()
        self.out = self.home / "out.mitm"
        hosts = stage.folder / "hosts"
        names = {CHAT: "127.20.9.10", PLAIN: "127.20.9.11", GRPC: "127.20.9.12", "mq.heron.example": "127.20.9.13"}
        hosts.write_text("127.0.0.1 localhost\n" + "".join(f"{ip} {name}\n" for name, ip in names.items()))
        stage.addresses.update(names)
        program = Path(os.environ["MITMPROXIES"]) / version / "bin" / "mitmdump"
        command = " ".join([str(program), "-w", str(self.out), *options])
        self.process = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", f"mount --bind {hosts} /etc/hosts && exec {command}"],
            env={**os.environ, "HOME": str(self.home), "LC_ALL": "C.UTF-8"},
            stdout=(self.home / "log").open("w"),
            stderr=subprocess.STDOUT,
        )
        self.ca = self.home / ".mitmproxy" / "mitmproxy-ca-cert.pem"
        for _ in range(100):
            time.sleep(0.1)
            try:
                socket.create_connection((PROXY, 8080), 0.2).close()
                break
            except OSError:
                pass
        time.sleep(0.5)

    def stop(self):
        time.sleep(0.7)
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        if os.environ.get("SHOW"):
            print((self.home / "log").read_text())
        return self.out.read_bytes()


def curl(proxy, url, text=None, *options):
    command = ["curl", "-s", "-x", f"http://{PROXY}:8080", "--cacert", str(proxy.ca), "-o", "/dev/null", "-m", "10"]
    if text is not None:
        body = text if isinstance(text, bytes) else json.dumps({"to": "bob", "text": text}).encode()
        command += ["-H", "Content-Type: application/json", "--data-binary", "@-"]
        subprocess.run([*command, *options, url], input=body, check=False)
    else:
        subprocess.run([*command, *options, url], check=False)


def websocket(proxy, texts):
    import aiohttp

    async def talk():
        context = ssl.create_default_context(cafile=proxy.ca)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        async with aiohttp.ClientSession() as session:
            url = f"https://{CHAT}/live"
            async with session.ws_connect(url, proxy=f"http://{PROXY}:8080", ssl=context) as ws:
                for text in texts:
                    await (ws.send_str(text) if isinstance(text, str) else ws.send_bytes(text))
                    await asyncio.wait_for(ws.receive(), 5)

    asyncio.run(talk())


def grpc_call(proxy, text):
    import grpc

    os.environ["http_proxy"] = f"http://{PROXY}:8080"
    credentials = grpc.ssl_channel_credentials(proxy.ca.read_bytes())
    with grpc.secure_channel(f"{GRPC}:443", credentials) as channel:
        said = text.encode()
        channel.unary_unary("/heron.Chat/Send")(b"\x12" + bytes([len(said)]) + said, timeout=10)
    del os.environ["http_proxy"]


def mqtt(text, host="mq.heron.example", port=1883, through=True):
    import paho.mqtt.client as paho
    import socks

    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="phone")
    if through:
        client.proxy_set(proxy_type=socks.HTTP, proxy_addr=PROXY, proxy_port=8080)
    client.connect(host, port)
    client.loop_start()
    time.sleep(0.4)
    client.publish("chat/bob", text, qos=1).wait_for_publish(5)
    time.sleep(0.3)
    client.disconnect()
    client.loop_stop()


def newest(stage, files):
    addon = stage.folder / "meddle.py"
    addon.write_text(ADDON)
    har = stage.folder / "out.har"
    proxy = Proxy(
        stage, "v12", "--listen-host", PROXY, "-s", str(addon), "--set", f"hardump={har}",
        "--set", f"ssl_verify_upstream_trusted_ca={stage.authority.path}",
        "--set", "stream_large_bodies=100k", "--set", "connection_strategy=lazy",
        "--mode", f"regular@{PROXY}:8080",
        "--mode", f"reverse:udp://127.20.9.14:7777@{PROXY}:7777",
        "--mode", f"reverse:dns://127.20.0.53:53@{PROXY}:53",
    )  # fmt: skip
    curl(proxy, f"https://{CHAT}/v1/send?lang=en", "The heron lands at dusk", "--http1.1")
    curl(proxy, f"https://{CHAT}/v1/send", "The bittern booms before dawn", "--http2")
    packed = gzip.compress(json.dumps({"text": "The crake hides in the sedge"}).encode(), mtime=0)
    curl(proxy, f"https://{CHAT}/v1/send", packed, "--http2", "-H", "Content-Encoding: gzip")
    curl(proxy, f"https://{CHAT}/v1/inbox", None, "--http1.1")
    curl(proxy, f"https://{CHAT}/v1/avatar", None, "--http2")
    curl(proxy, f"http://{PLAIN}/v1/send", "The grebe dives at noon")
    curl(proxy, f"https://{CHAT}/v1/large", b'{"pad": "' + b"x" * 150_000 + b'"}', "--http1.1", "-H", "Expect:")
    curl(proxy, f"https://{CHAT}/v1/changed", "The smew came in from the sea", "--http1.1")
    curl(proxy, f"https://{CHAT}/v1/made-up", "The teal rests on the pond", "--http1.1")
    curl(proxy, f"http://{PLAIN}:81/v1/send", "Nobody listens here")
    websocket(proxy, ["The egret waits by the weir", b"\x00\xffThe dunlin\xfe", "inject"])
    grpc_call(proxy, "The plover calls over the flats")
    mqtt("The coot nests in the reeds")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(5)
        udp.sendto(b'{"text": "The snipe drums over the marsh"}', (PROXY, 7777))
        udp.recv(4096)
    subprocess.run(["dig", "+short", "+tries=1", f"@{PROXY}", CHAT], stdout=subprocess.DEVNULL, check=False)
    files["mitmproxy_12.mitm"] = proxy.stop()
    files["mitmproxy_har.har"] = har.read_bytes()


def older(stage, files, version, name, *options, sends=("--http1.1",), ws=True, tcp=True):
    proxy = Proxy(stage, version, *options)
    for how in sends:
        curl(proxy, f"https://{CHAT}/v1/send?lang=en", "The heron lands at dusk", how)
    curl(proxy, f"https://{CHAT}/v1/inbox", None, "--http1.1")
    curl(proxy, f"http://{PLAIN}/v1/send", "The grebe dives at noon")
    if ws:
        websocket(proxy, ["The egret waits by the weir", b"\x00\xffThe dunlin\xfe"])
    if tcp:
        mqtt("The coot nests in the reeds")
    files[f"{name}.mitm"] = proxy.stop()


def play(stage):
    # PySocks, and not the recorder of the same name beside this one.
    sys.path[:] = [path for path in sys.path if Path(path).resolve() != Path(__file__).resolve().parent]
    server, broker = serve(stage)
    files = {}
    trust = ("--set", f"ssl_verify_upstream_trusted_ca={stage.authority.path}")
    try:
        newest(stage, files)
        both = ("--http1.1", "--http2")
        older(stage, files, "v8", "mitmproxy_8", "--listen-host", PROXY, *trust, sends=both)
        older(stage, files, "v6", "mitmproxy_6", "--listen-host", PROXY, *trust, sends=both, tcp=False)
        older(stage, files, "v4", "mitmproxy_4", "--listen-host", PROXY, *trust, sends=both, tcp=False)
        older(stage, files, "v2", "mitmproxy_2", "-b", PROXY, "--insecure", "--tcp", "mq.heron.example")
        older(stage, files, "v0", "mitmproxy_0_15", "-b", PROXY, ws=False, tcp=False)
    finally:
        broker.terminate()
        server.stop(0)
    return files
