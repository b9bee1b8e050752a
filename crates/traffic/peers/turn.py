"""aioice against coturn: an allocation, a channel to a peer, datagrams both ways; then STUN over TCP."""

import asyncio
import subprocess
import time

NEEDS = "coturn (apt), aioice (PyPI)"
RELAY = "127.20.0.41"
PEER = "127.20.0.42"


class Peer(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        self.transport.sendto(b"heard: " + data, address)


class Client(asyncio.DatagramProtocol):
    def __init__(self):
        self.heard = asyncio.Queue()

    def datagram_received(self, data, address):
        self.heard.put_nowait(data)


async def talk():
    from aioice import turn

    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(Peer, local_addr=(PEER, 7000))
    for transport in ("udp", "tcp"):
        relayed, client = await turn.create_turn_endpoint(
            Client,
            server_addr=(RELAY, 3478),
            username="wren@chatterly.example",
            password="teasel",
            transport=transport,
        )
        for number in range(3):
            relayed.sendto(f"the heron lands at dusk, {transport} {number}".encode(), (PEER, 7000))
            await asyncio.wait_for(client.heard.get(), 5)
        relayed.close()
        await asyncio.sleep(0.3)


def play(stage):
    server = subprocess.Popen(
        ["turnserver", "-n", "-L", RELAY, "-E", RELAY, "--lt-cred-mech", "-u", "wren@chatterly.example:teasel"]
        + ["-r", "chatterly.example", "--allow-loopback-peers", "--no-cli", "--no-tls", "--no-dtls", "-l", "stdout"]
        + ["--pidfile", str(stage.folder / "turn.pid"), "--userdb", str(stage.folder / "turn.db")],
        stdout=subprocess.DEVNULL,
    )
    time.sleep(1)
    try:
        asyncio.run(talk())
    finally:
        server.terminate()
        server.wait()
