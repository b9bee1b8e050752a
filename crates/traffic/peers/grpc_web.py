"""gRPC-Web in binary and in text, over HTTP/1.1 and HTTP/2, in clear and inside TLS."""

import asyncio
import subprocess
import threading
from pathlib import Path

from hypercorn.asyncio import serve
from hypercorn.config import Config
from sonora.asgi import grpcASGI

from kit import chat

NEEDS = "sonora 0.2 under Hypercorn (server), grpc-web 2.1 and Connect 2, client and server, on Node 20 (npm install grpc-web xhr2 @connectrpc/connect-node @bufbuild/protobuf)"
HOST, ADDRESS = "chat.example", "127.20.7.2"
KIT = Path(__file__).parent / "kit"


async def listen(application, ready):
    config = Config()
    config.bind, config.errorlog = [f"{ADDRESS}:8080"], None
    ready.set()
    await serve(application, config, shutdown_trigger=asyncio.Event().wait)


def play(stage):
    chat.generate(stage.folder)
    import chat_pb2_grpc as service

    application = grpcASGI(enable_cors=True)
    service.add_ChatServicer_to_server(chat.asynchronous(), application)
    ready = threading.Event()
    threading.Thread(target=lambda: asyncio.run(listen(application, ready)), daemon=True).start()
    ready.wait()
    descriptors = stage.folder / "chat.binpb"
    certificate = stage.authority.issue(HOST)
    server = subprocess.Popen(["node", KIT / "connect_server.mjs", ADDRESS, certificate, descriptors], stdout=subprocess.PIPE)
    server.stdout.readline()
    client = ["node", f"--tls-keylog={stage.key_log}", KIT / "grpc_web_client.mjs"]
    try:
        subprocess.run([*client, f"http://{ADDRESS}:8080", descriptors, "-"], check=True, timeout=20, stderr=subprocess.DEVNULL)
        subprocess.run([*client, f"https://{ADDRESS}:443", descriptors, stage.authority.path], check=True, timeout=20, stderr=subprocess.DEVNULL)
    finally:
        server.terminate()
        server.wait()
