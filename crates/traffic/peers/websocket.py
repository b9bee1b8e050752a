"""WebSocket: fragments, pings, permessage-deflate with and without context takeover, in clear, inside TLS, over HTTP/2."""

import asyncio
import os
import ssl
import subprocess
import sys
import time
from pathlib import Path

import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory

NEEDS = "websockets 17 (server, client), ws 8 on Node 20 (npm install ws@8; client, and both ends over HTTP/2), Hypercorn with wsproto (server)"
HOST, ADDRESS, HYPERCORN, NODE = "chat.example", "127.20.8.1", "127.20.8.2", "127.20.8.3"
KIT = Path(__file__).parent / "kit"
LONG = "The long-billed dowitcher probes the mud. "


async def echo(socket):
    async for message in socket:
        await socket.send(f"heard: {message}" if isinstance(message, str) else message)


async def talk(uri, text, extensions, **more):
    async with websockets.connect(uri, compression=None, extensions=extensions, proxy=None, additional_headers={"Cookie": "sid=eel-trap-64"}, **more) as socket:
        # The second message is mostly a reference to the first, where the context is taken over.
        # Uncompressed the last one is too long for 16 bits of length.
        for message in (f"{text} once", f"{text} twice", f"{text} thrice".encode(), LONG * (30 if extensions else 1600)):
            await socket.send(message)
            await socket.recv()
        await socket.send([f"{text} in ", "three ", "pieces"])
        await socket.recv()
        await (await socket.ping(b"still there"))
        await socket.close(1000, "good night")


async def sessions(stage):
    certificate = stage.authority.issue(HOST)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    takeover = [ServerPerMessageDeflateFactory()]
    none = [ServerPerMessageDeflateFactory(server_no_context_takeover=True, client_no_context_takeover=True, server_max_window_bits=9, client_max_window_bits=9)]
    servers = [
        await websockets.serve(echo, ADDRESS, 8080, compression=None, extensions=takeover),
        await websockets.serve(echo, ADDRESS, 8081, compression=None, extensions=none),
        await websockets.serve(echo, ADDRESS, 8082, compression=None),
        await websockets.serve(echo, ADDRESS, 443, compression=None, extensions=takeover, ssl=tls),
    ]
    offer = [ClientPerMessageDeflateFactory(client_max_window_bits=True)]
    await talk(f"ws://{ADDRESS}:8080/chat?a", "The heron lands at dusk", offer)
    await talk(f"ws://{ADDRESS}:8081/chat?b", "The bittern forgets each message", offer)
    await talk(f"ws://{ADDRESS}:8082/chat?c", "The egret takes the space it needs", None)
    context = ssl.create_default_context(cafile=stage.authority.path)
    context.keylog_filename = str(stage.key_log)
    await talk(f"wss://{HOST}/chat?d", "The grebe dives inside TLS", offer, ssl=context, host=ADDRESS)
    node = ["node", f"--tls-keylog={stage.key_log}", KIT / "websocket.mjs"]
    for arguments in (["-", f"ws://{ADDRESS}:8080/chat?e"], [NODE, certificate, stage.authority.path]):
        child = await asyncio.create_subprocess_exec(*node, *arguments, stderr=subprocess.DEVNULL)
        assert await asyncio.wait_for(child.wait(), 15) == 0, arguments
    for server in servers:
        server.close()


def play(stage):
    asyncio.run(sessions(stage))
    # Another server, of wsproto's frames.
    command = [sys.executable, "-m", "hypercorn", "application:application", "--bind", f"{HYPERCORN}:8080"]
    server = subprocess.Popen(command, cwd=KIT, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    time.sleep(1)
    try:
        asyncio.run(talk(f"ws://{HYPERCORN}:8080/chat?f", "The crane calls on another server", [ClientPerMessageDeflateFactory()]))
    finally:
        server.terminate()
        server.wait()
