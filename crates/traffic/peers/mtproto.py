"""Telethon's transports against a socket that listens: the first message of a key exchange over each of them."""

import asyncio
import logging

NEEDS = "telethon (PyPI)"
HOST = "127.20.0.46"


async def accept(reader, writer):
    try:
        await asyncio.wait_for(reader.read(4096), 2)
        await asyncio.sleep(0.2)
    except (TimeoutError, ConnectionError):
        pass
    writer.close()


async def talk():
    from telethon.network import MTProtoPlainSender, connection
    from telethon.tl.functions import ReqPqMultiRequest

    await asyncio.start_server(accept, HOST, 8443)
    loggers = {name: logging.getLogger("telethon") for name in ("telethon.network.mtprotoplainsender",)}

    class Loggers(dict):
        def __missing__(self, name):
            return logging.getLogger(name)

    for kind in (
        connection.ConnectionTcpAbridged,
        connection.ConnectionTcpIntermediate,
        connection.ConnectionTcpFull,
        connection.ConnectionTcpObfuscated,
    ):
        link = kind(HOST, 8443, 2, loggers=Loggers(loggers))
        await link.connect(timeout=2)
        sender = MTProtoPlainSender(link, loggers=Loggers(loggers))
        try:
            nonce = int.from_bytes(b"dusk heron teasl", "big", signed=True)
            await asyncio.wait_for(sender.send(ReqPqMultiRequest(nonce)), 1)
        except Exception:
            pass  # nobody answers
        await link.disconnect()


def play(stage):
    asyncio.run(talk())
