"""A private loopback network on which servers and phones talk through real sockets and real TLS, recorded as pcapng.

The network is a namespace of its own: nothing of the machine's traffic gets in, nothing gets out, and the ports and
addresses are free. Every name resolves through the stage's own DNS server, every certificate comes from its own
authority.
"""

import ctypes
import datetime
import fcntl
import gzip
import ipaddress
import os
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DNS = "127.20.0.53"
# Every recording says it began here, so that times in messages and times of packets agree whenever it is made again.
BEGINS = datetime.datetime(2026, 11, 2, 9, 0, tzinfo=datetime.timezone.utc)


def enter_private_network():
    """Moves this process to an empty network of its own, with an MTU and segments as on a phone's."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x40000000) != 0:  # CLONE_NEWNET
        raise SystemExit(f"no private network: {os.strerror(ctypes.get_errno())} (root, or CAP_SYS_ADMIN, is needed)")
    subprocess.run(["ip", "link", "set", "lo", "mtu", "1500", "up"], check=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for command in (0x1F, 0x24, 0x2C):  # ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO: segments of the wire, not of the host
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            fcntl.ioctl(control, 0x8946, struct.pack("16sP", b"lo", ctypes.addressof(value)))  # SIOCETHTOOL


class Recorder:
    """Every frame on the loopback, once, with the checksums that the loopback leaves out."""

    def __init__(self):
        self.frames = []
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self._socket.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        self._socket.bind(("lo", 0))
        self._socket.settimeout(0.2)
        self._running = True
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while True:
            try:
                frame, address = self._socket.recvfrom(65536)
            except TimeoutError:
                if not self._running:
                    return
                continue
            if address[2] != 4:  # PACKET_OUTGOING: the same frame on its way in was, or will be, seen too
                self.frames.append((time.time_ns(), with_checksums(frame)))

    def stop(self):
        self._running = False
        self._thread.join()
        self._socket.close()


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def with_checksums(frame):
    """The frame with its TCP or UDP checksum, which the loopback never computes."""
    ip = bytearray(frame[14:])
    if ip[0] >> 4 != 4 or ip[9] not in (6, 17):
        return frame
    header = (ip[0] & 15) * 4
    at = header + (16 if ip[9] == 6 else 6)
    ip[at : at + 2] = b"\0\0"
    pseudo = bytes(ip[12:20]) + struct.pack("!BBH", 0, ip[9], len(ip) - header)
    ip[at : at + 2] = struct.pack("!H", checksum(pseudo + bytes(ip[header:])) or 0xFFFF)
    return frame[:12] + b"\x08\x00" + bytes(ip)


def pcapng(frames, key_log, application):
    """The frames as pcapng: one Ethernet interface, nanoseconds, the key log before the packets it opens."""

    def block(kind, body):
        body += b"\0" * (-len(body) % 4)
        length = struct.pack("<I", len(body) + 12)
        return struct.pack("<I", kind) + length + body + length

    def option(code, value):
        return struct.pack("<HH", code, len(value)) + value + b"\0" * (-len(value) % 4)

    end = struct.pack("<HH", 0, 0)
    section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + option(4, application.encode()) + end
    interface = struct.pack("<HHI", 1, 0, 0) + option(2, b"lo") + option(9, b"\x09") + end
    out = [block(0x0A0D0D0A, section), block(1, interface)]
    if key_log:
        out.append(block(10, struct.pack("<II", 0x544C534B, len(key_log)) + key_log))
    shift = int(BEGINS.timestamp()) * 10**9 - frames[0][0]
    for at, frame in frames:
        at += shift
        out.append(block(6, struct.pack("<IIIII", 0, at >> 32, at & 0xFFFFFFFF, len(frame), len(frame)) + frame))
    return b"".join(out)


class Authority:
    """Issues the certificates of all servers on the stage."""

    def __init__(self, folder):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Stage Root R1")])
        self.path = folder / "authority.pem"
        certificate = self._builder(self.name, self.key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self.path.write_bytes(self._sign(certificate))

    def _builder(self, subject, key):
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key)
        # Valid at the time the recording says as well as at the time it is made.
        builder = builder.not_valid_before(datetime.datetime(2020, 1, 1)).not_valid_after(datetime.datetime(2049, 1, 1))
        return builder.serial_number(x509.random_serial_number())

    def _sign(self, builder):
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def issue(self, host):
        """A file with the key and the certificate of one host."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        builder = self._builder(subject, key.public_key())
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        path = self.folder / f"{host}.pem"
        pkcs8 = serialization.PrivateFormat.PKCS8
        text = key.private_bytes(serialization.Encoding.PEM, pkcs8, serialization.NoEncryption())
        path.write_bytes(text + self._sign(builder))
        return path


class Response:
    """What a server answers."""

    def __init__(self, status=200, kind="application/json", body=b"", compress=False, chunks=None, headers=()):
        self.status, self.kind, self.body, self.headers = status, kind, body, list(headers)
        self.chunks = chunks
        if compress:
            self.body = gzip.compress(body, mtime=0)
            self.headers.append(("Content-Encoding", "gzip"))


class Handler(BaseHTTPRequestHandler):
    """HTTP/1.1 with persistent connections, in front of a function from request to `Response`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        if isinstance(self.request, ssl.SSLSocket):
            self.request.do_handshake()
        super().setup()

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        response = self.server.app(self.command, self.path, self.headers, body)
        self.send_response(response.status)
        if response.status != 204:
            self.send_header("Content-Type", response.kind)
        for name, value in response.headers:
            self.send_header(name, value)
        if response.chunks:
            self.send_header("Transfer-Encoding", "chunked")
        elif response.status != 204:
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if response.chunks:
            for start in range(0, len(response.body), response.chunks):
                chunk = response.body[start : start + response.chunks]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            self.wfile.write(b"0\r\n\r\n")
        elif response.status != 204:
            self.wfile.write(response.body)

    do_GET = do_POST = do_PUT = serve

    def version_string(self):
        return "edge"

    def date_time_string(self, timestamp=None):
        return BEGINS.strftime("%a, %d %b %Y %H:%M:%S GMT")

    def log_message(self, *arguments):
        pass


class Server(ThreadingHTTPServer):
    """One host."""

    daemon_threads = True
    tls = None

    def get_request(self):
        connection, address = super().get_request()
        if self.tls:
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def shutdown_request(self, request):
        if isinstance(request, ssl.SSLSocket):
            try:
                request = request.unwrap()  # answers the phone's close_notify
            except OSError:
                pass
        super().shutdown_request(request)


def oldest(context):
    """A server that never learned TLS 1.3."""
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_TICKET


class Stage:
    """The network, its servers and its recorder."""

    def __init__(self):
        enter_private_network()
        self._folder = tempfile.TemporaryDirectory()
        self.folder = Path(self._folder.name)
        self.key_log = self.folder / "keys.log"
        self.authority = Authority(self.folder)
        self.addresses = {}
        self._ports = 50_000
        self._servers = []
        self._dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._dns.bind((DNS, 53))
        threading.Thread(target=self._answer, daemon=True).start()
        self.recorder = Recorder()

    def _answer(self):
        while True:
            query, client = self._dns.recvfrom(4096)
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1 : at + 1 + query[at]].decode())
                at += 1 + query[at]
            question = query[12 : at + 5]
            address = self.addresses.get(".".join(labels))
            head = query[:2] + struct.pack("!HHHHH", 0x8180 if address else 0x8183, 1, 1 if address else 0, 0, 0)
            answer = b""
            if address:
                answer = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 300, 4) + ipaddress.ip_address(address).packed
            self._dns.sendto(head + question + answer, client)

    def serve(self, host, address, app, plain=False, configure=None):
        """A host: HTTPS on 443, or HTTP on 80 where `plain`; `configure` may change the server's TLS."""
        self.addresses[host] = address
        server = Server((address, 80 if plain else 443), Handler)
        server.app = app
        if not plain:
            server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            server.tls.load_cert_chain(self.authority.issue(host))
            server.tls.set_alpn_protocols(["http/1.1"])
            server.tls.num_tickets = 1
            if configure:
                configure(server.tls)
        self._servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def port(self):
        """The next ephemeral port, so that ports are the same in every recording."""
        self._ports += 1
        return self._ports

    def finish(self, path, application):
        """Ends the recording and writes it; a session whose TLS has no secrets to log gets no secrets block."""
        time.sleep(0.5)  # the last acknowledgements
        self.recorder.stop()
        for server in self._servers:
            server.shutdown()
        secrets = self.key_log.read_bytes() if self.key_log.exists() else b""
        if all(line.startswith(b"#") for line in secrets.splitlines()):
            secrets = b""
        path.write_bytes(pcapng(self.recorder.frames, secrets, application))
        self._folder.cleanup()
