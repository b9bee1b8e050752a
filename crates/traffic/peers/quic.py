"""HTTP/3 over QUIC version 1, each connection with something else of the protocol's: see `play`."""

import asyncio

from aioquic.tls import CipherSuite

from kit.h3 import Host, Phone, Tickets, connect, host_configuration, phone_configuration, serve

NEEDS = "aioquic 1.7 (client and server)"
HOST, ADDRESS = "chat.example", "127.20.4.1"


def form(text):
    return f"to=bob&text={text.replace(' ', '+')}".encode()


async def several_streams(stage, log):
    """Requests at once on streams of one connection, a key update between them, a new connection id, trailers."""
    configuration = phone_configuration(stage, HOST, log, cipher_suites=[CipherSuite.AES_128_GCM_SHA256])
    async with connect(ADDRESS, 443, configuration=configuration, create_protocol=Phone) as phone:
        await phone.ask("POST", "/messages?n=1", b'{"to":"bob","text":"The heron lands at dusk"}', more=[(b"content-type", b"application/json")])
        answers = [phone.begin("GET", f"/{path}?n={n}")[1] for n, path in enumerate(("history", "inbox", "trailers"))]
        phone.transmit()
        await asyncio.gather(*answers)
        phone.request_key_update()
        await phone.ask("POST", "/messages?n=2", b'{"to":"bob","text":"A heron after the key update"}', more=[(b"content-type", b"application/json")])
        phone.change_connection_id()
        await phone.ask("POST", "/messages?n=3", form("A heron by another name"), more=[(b"content-type", b"application/x-www-form-urlencoded")])
        phone.request_key_update()
        await phone.ping()
        await phone.ask("POST", "/messages?n=4", b'{"to":"bob","text":"A heron after two updates"}', trailers=[(b"x-signed-by", b"ann")])
        abandoned, done = phone.begin("GET", "/history?n=9")
        phone._quic.stop_stream(abandoned, 0x10C)  # H3_REQUEST_CANCELLED
        phone.transmit()
        await phone.ping()


async def after_retry(stage, log):
    """The server wants the address proven first."""
    configuration = phone_configuration(stage, HOST, log, cipher_suites=[CipherSuite.AES_256_GCM_SHA384])
    async with connect(ADDRESS, 8443, configuration=configuration, create_protocol=Phone) as phone:
        await phone.ask("POST", "/messages?n=5", form("The egret comes back after a retry"), more=[(b"content-type", b"application/x-www-form-urlencoded")])


async def resumed(stage, log):
    """A first connection for a ticket, a second that resumes with a request in 0-RTT."""
    tickets = []
    for number, text in enumerate(("The bittern asks for a ticket", "The bittern booms early")):
        configuration = phone_configuration(stage, HOST, log, cipher_suites=[CipherSuite.CHACHA20_POLY1305_SHA256])
        configuration.session_ticket = tickets[0] if tickets else None
        async with connect(
            ADDRESS, 443, configuration=configuration, create_protocol=Phone, session_ticket_handler=tickets.append, wait_connected=number == 0
        ) as phone:
            await phone.ask("POST", f"/messages?early={number}", form(text), more=[(b"content-type", b"application/x-www-form-urlencoded")])
            await phone.ask("GET", "/inbox")
            if number == 1:
                assert phone._quic.tls.early_data_accepted


async def migrated(stage, log):
    """The phone goes from one network to another and keeps its connection."""
    configuration = phone_configuration(stage, HOST, log)
    async with connect(ADDRESS, 443, configuration=configuration, create_protocol=Phone) as phone:
        await phone.ask("POST", "/messages?n=6", form("The crane leaves the wifi"), more=[(b"content-type", b"application/x-www-form-urlencoded")])
        # IPv4 within IPv6, as the first socket.
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: phone, local_addr=("::ffff:127.20.4.99", 0))
        phone.change_connection_id()
        await phone.ping()
        await phone.ask("POST", "/messages?n=7", form("The crane is on the mobile network"), more=[(b"content-type", b"application/x-www-form-urlencoded")])
        await phone.ask("GET", "/inbox")


async def sessions(stage):
    log = stage.key_log.open("a")
    tickets = Tickets()
    more = {"create_protocol": Host, "session_ticket_fetcher": tickets.pop, "session_ticket_handler": tickets.add}
    await serve(ADDRESS, 443, configuration=host_configuration(stage, HOST), **more)
    await serve(ADDRESS, 8443, configuration=host_configuration(stage, HOST), retry=True, **more)
    for session in (several_streams, after_retry, resumed, migrated):
        await session(stage, log)
    log.close()


def play(stage):
    asyncio.run(sessions(stage))
