"""An HTTP/3 server and client of aioquic."""

import asyncio
import gzip
import zlib

from aioquic.asyncio import QuicConnectionProtocol, connect, serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated, StreamReset


class Host(QuicConnectionProtocol):
    """Answers every request with what it was asked, so that texts travel both ways."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self._http = None
        self._requests = {}

    def quic_event_received(self, event):
        if isinstance(event, ProtocolNegotiated) and event.alpn_protocol in H3_ALPN:
            self._http = H3Connection(self._quic)
        if self._http is None:
            return
        for happened in self._http.handle_event(event):
            if isinstance(happened, HeadersReceived):
                headers, body = self._requests.setdefault(happened.stream_id, (dict(happened.headers), bytearray()))
            elif isinstance(happened, DataReceived):
                headers, body = self._requests.setdefault(happened.stream_id, ({}, bytearray()))
                body += happened.data
            else:
                continue
            if happened.stream_ended:
                try:
                    self.answer(happened.stream_id, *self._requests.pop(happened.stream_id))
                except RuntimeError:
                    pass  # the phone no longer wants to know

    def answer(self, stream, headers, body):
        path = headers.get(b":path", b"/").decode()
        kind, coding, trailers, text = b"application/json", None, [], b'{"stored":true}'
        if path.startswith("/history"):
            kind, text = b"text/plain", b"".join(b"line %d of the ledger of the reed bank\n" % n for n in range(1200))
        elif path.startswith("/inbox"):
            kind, coding, text = b"text/plain; charset=utf-8", b"gzip", gzip.compress(b"The bittern booms before dawn", mtime=0)
        elif path.startswith("/page"):
            kind = b"text/html"
            text = b"<script>fetch('/messages?page=1',{method:'POST',headers:{'content-type':'application/json'},"
            text += b"body:JSON.stringify({text:'The egret waits by the weir'})}).then(r=>r.text()).then(t=>{document.title=t})</script>"
        elif path.startswith("/trailers"):
            trailers = [(b"x-digest", b"%08x" % zlib.crc32(text))]
        head = [(b":status", b"200"), (b"server", b"edge"), (b"content-type", kind), (b"content-length", b"%d" % len(text))]
        if coding:
            head.append((b"content-encoding", coding))
        self._http.send_headers(stream, head)
        self._http.send_data(stream, text, end_stream=not trailers)
        if trailers:
            self._http.send_headers(stream, trailers, end_stream=True)
        self.transmit()


class Phone(QuicConnectionProtocol):
    """Sends requests and waits for what comes back."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self._http = H3Connection(self._quic)
        self._waiting = {}

    async def ask(self, method, path, body=b"", authority="chat.example", more=(), trailers=()):
        stream, done = self.begin(method, path, body, authority, more, trailers)
        self.transmit()
        return await asyncio.wait_for(done, 5)

    def begin(self, method, path, body=b"", authority="chat.example", more=(), trailers=()):
        stream = self._quic.get_next_available_stream_id()
        head = [(b":method", method.encode()), (b":scheme", b"https"), (b":authority", authority.encode()), (b":path", path.encode())]
        head += [(b"user-agent", b"phone/1"), *more]
        if body:
            head.append((b"content-length", b"%d" % len(body)))
        self._http.send_headers(stream, head, end_stream=not (body or trailers))
        if body:
            half = len(body) // 2
            self._http.send_data(stream, body[:half], end_stream=False)
            self._http.send_data(stream, body[half:], end_stream=not trailers)
        if trailers:
            self._http.send_headers(stream, list(trailers), end_stream=True)
        done = self._loop.create_future()
        self._waiting[stream] = (bytearray(), done)
        return stream, done

    def quic_event_received(self, event):
        if isinstance(event, StreamReset) and event.stream_id in self._waiting:
            self._waiting.pop(event.stream_id)[1].set_result(b"")
        for happened in self._http.handle_event(event):
            if not isinstance(happened, (HeadersReceived, DataReceived)) or happened.stream_id not in self._waiting:
                continue
            body, done = self._waiting[happened.stream_id]
            if isinstance(happened, DataReceived):
                body += happened.data
            if happened.stream_ended:
                del self._waiting[happened.stream_id]
                if not done.done():
                    done.set_result(bytes(body))


def host_configuration(stage, host, **more):
    configuration = QuicConfiguration(is_client=False, alpn_protocols=["h3"], **more)
    path = stage.authority.issue(host)
    configuration.load_cert_chain(path, path)
    return configuration


def phone_configuration(stage, host, log, alpn=("h3",), **more):
    configuration = QuicConfiguration(is_client=True, alpn_protocols=list(alpn), server_name=host, secrets_log_file=log, **more)
    configuration.load_verify_locations(stage.authority.path)
    return configuration


class Tickets:
    """The server's memory of the sessions it may resume."""

    def __init__(self):
        self._tickets = {}

    def add(self, ticket):
        self._tickets[ticket.ticket] = ticket

    def pop(self, label):
        return self._tickets.pop(label, None)


__all__ = ["Host", "Phone", "Tickets", "connect", "host_configuration", "phone_configuration", "serve"]
