"""DNS over QUIC and over HTTP/3: queries on streams of their own, the second connection resuming with 0-RTT."""

import asyncio
import ssl
import struct
import threading

import dns.message
import dns.query
import dns.quic
import dns.rrset
from aioquic.asyncio import QuicConnectionProtocol, serve
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import StreamDataReceived

from kit.h3 import Tickets

NEEDS = "dnspython 2 (client), aioquic 1.7 (its server for DNS over QUIC)"
HOST, ADDRESS = "dns.example", "127.20.4.3"


def answer(query):
    response = dns.message.make_response(query)
    name = query.question[0].name
    response.answer.append(dns.rrset.from_text(name, 300, "IN", "A", "203.0.113.7"))
    response.additional.append(dns.rrset.from_text(name, 300, "IN", "TXT", '"the heron lands at dusk"'))
    return response


class Resolver(QuicConnectionProtocol):
    """RFC 9250: a query and its answer each behind their length, on a stream of their own."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self._queries = {}

    def quic_event_received(self, event):
        if not isinstance(event, StreamDataReceived):
            return
        query = self._queries.setdefault(event.stream_id, bytearray())
        query += event.data
        if event.end_stream:
            message = answer(dns.message.from_wire(bytes(query[2:]))).to_wire()
            self._quic.send_stream_data(event.stream_id, struct.pack("!H", len(message)) + message, end_stream=True)
            self.transmit()


async def listen(configuration, tickets, ready):
    await serve(
        ADDRESS, 853, configuration=configuration, create_protocol=Resolver, session_ticket_fetcher=tickets.pop, session_ticket_handler=tickets.add
    )
    ready.set()
    await asyncio.Event().wait()


def play(stage):
    log = stage.key_log.open("a", buffering=1)
    certificate = stage.authority.issue(HOST)
    host = QuicConfiguration(is_client=False, alpn_protocols=["doq"])
    host.load_cert_chain(certificate, certificate)
    ready = threading.Event()
    threading.Thread(target=lambda: asyncio.run(listen(host, Tickets(), ready)), daemon=True).start()
    ready.wait()
    phone = QuicConfiguration(is_client=True, alpn_protocols=["doq"], server_name=HOST, secrets_log_file=log)
    phone.load_verify_locations(stage.authority.path)
    with dns.quic.SyncQuicManager(conf=phone, server_name=HOST) as manager:
        for names in (["heron-nest.example", "bittern.example"], ["egret.example"]):
            connection = manager.connect(ADDRESS, 853)
            for name in names:
                dns.query.quic(dns.message.make_query(name, "A", use_edns=0, pad=128), ADDRESS, timeout=5, connection=connection, server_hostname=HOST)
            connection.close()
    log.flush()
