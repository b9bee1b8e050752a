"""An ASGI application for servers that speak several versions of HTTP: it stores what it is sent, and answers."""

import gzip
import json


async def application(scope, receive, send):
    if scope["type"] == "websocket":
        await echo(receive, send)
        return
    if scope["type"] != "http":
        return
    body = b""
    while True:
        event = await receive()
        body += event.get("body", b"")
        if not event.get("more_body"):
            break
    if scope["path"] == "/inbox":
        text = gzip.compress(b"The bittern booms before dawn", mtime=0)
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-encoding", b"gzip")]
    else:
        text = json.dumps({"stored": len(body)}).encode()
        headers = [(b"content-type", b"application/json"), (b"set-cookie", b"sid=fen-causeway-86; Path=/")]
    headers.append((b"content-length", b"%d" % len(text)))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    half = len(text) // 2
    await send({"type": "http.response.body", "body": text[:half], "more_body": True})
    await send({"type": "http.response.body", "body": text[half:]})


async def echo(receive, send):
    """Every message comes back, told apart by what is put before it."""
    while True:
        event = await receive()
        if event["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        elif event["type"] == "websocket.receive":
            if event.get("text") is not None:
                await send({"type": "websocket.send", "text": f"heard: {event['text']}"})
            else:
                await send({"type": "websocket.send", "bytes": b"heard: " + event["bytes"]})
        else:
            return
