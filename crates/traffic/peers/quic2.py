"""HTTP/3 over QUIC version 2: from the first packet, agreed on from version 1, and after a version negotiation."""

import asyncio

from aioquic.quic.packet import QuicProtocolVersion
from aioquic.tls import CipherSuite

from kit.h3 import Host, Phone, Tickets, connect, host_configuration, phone_configuration, serve

NEEDS = "aioquic 1.7 (client and server)"
HOST, ADDRESS = "chat.example", "127.20.4.2"
V1, V2 = QuicProtocolVersion.VERSION_1, QuicProtocolVersion.VERSION_2


def form(text):
    return f"to=bob&text={text.replace(' ', '+')}".encode()


async def talk(stage, log, port, text, versions, first, **more):
    early = more.pop("early", False)
    keep = more.pop("keep", None)
    configuration = phone_configuration(stage, HOST, log, supported_versions=versions, original_version=first, **more)
    async with connect(
        ADDRESS, port, configuration=configuration, create_protocol=Phone, session_ticket_handler=keep, wait_connected=not early
    ) as phone:
        await phone.ask("POST", "/messages", form(text), more=[(b"content-type", b"application/x-www-form-urlencoded")])
        phone.request_key_update()
        await phone.ask("GET", "/inbox")
        await phone.ask("POST", "/messages?more", form(f"{text} again"), more=[(b"content-type", b"application/x-www-form-urlencoded")])
        assert not early or phone._quic.tls.early_data_accepted
        return phone._quic._version


async def sessions(stage):
    log = stage.key_log.open("a")
    tickets, kept = Tickets(), []
    more = {"create_protocol": Host, "session_ticket_fetcher": tickets.pop, "session_ticket_handler": tickets.add}
    await serve(ADDRESS, 443, configuration=host_configuration(stage, HOST, supported_versions=[V2, V1]), **more)
    await serve(ADDRESS, 8443, configuration=host_configuration(stage, HOST, supported_versions=[V2]), retry=True, **more)
    suites = {name: [getattr(CipherSuite, name)] for name in ("AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256")}
    versions = [
        await talk(stage, log, 443, "The heron lands in version two", [V2], V2, cipher_suites=suites["AES_128_GCM_SHA256"], keep=kept.append),
        await talk(
            stage, log, 443, "The heron resumes in version two", [V2], V2, early=True, session_ticket=kept[0], cipher_suites=suites["AES_128_GCM_SHA256"]
        ),
        # RFC 9368: the server moves a version 1 connection to version 2.
        await talk(stage, log, 443, "The egret moves to version two", [V2, V1], V1, cipher_suites=suites["AES_256_GCM_SHA384"]),
        # The server knows no version 1 and says so; then it wants the address proven.
        await talk(stage, log, 8443, "The crane is told to speak version two", [V1, V2], V1, cipher_suites=suites["CHACHA20_POLY1305_SHA256"]),
    ]
    assert versions == [V2] * 4, versions
    log.close()


def play(stage):
    asyncio.run(sessions(stage))
