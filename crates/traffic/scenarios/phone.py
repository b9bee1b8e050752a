"""A phone: an HTTP client as mobile apps use one, with its own address, DNS look-ups and persistent connections."""

import gzip
import http.client
import json
import socket
import ssl
import struct

from stage import DNS

AGENT = "okhttp/4.12.0"


class Phone:
    """One device on the stage."""

    def __init__(self, stage, address):
        self.stage, self.address = stage, address
        self.known = {}
        self.tls = ssl.create_default_context(cafile=stage.authority.path)
        self.tls.keylog_filename = str(stage.key_log)
        self.tls.set_alpn_protocols(["http/1.1"])

    def resolve(self, host):
        """Asks the stage's DNS server once for each host, as a resolver with a cache."""
        if host not in self.known:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
                port = self.stage.port()
                asking.bind((self.address, port))
                labels = b"".join(bytes([len(label)]) + label.encode() for label in host.split("."))
                asking.sendto(struct.pack("!HHHHHH", port, 0x0100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1", (DNS, 53))
                self.known[host] = socket.inet_ntoa(asking.recvfrom(4096)[0][-4:])
        return self.known[host]

    def connect(self, host, plain=False):
        return Connection(self, host, plain)

    def connectivity_check(self):
        """What the operating system does by itself when it joins a network: plain HTTP, an empty answer."""
        with self.connect("connectivitycheck.os-vendor.example", plain=True) as connection:
            assert connection.request("GET", "/generate_204").status == 204


class Connection:
    """A persistent connection to one host."""

    def __init__(self, phone, host, plain):
        self.host = host
        address = phone.resolve(host)
        port = 80 if plain else 443
        self.http = http.client.HTTPConnection(host, port)
        sock = socket.create_connection((address, port), source_address=(phone.address, phone.stage.port()))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.http.sock = sock if plain else phone.tls.wrap_socket(sock, server_hostname=host)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        sock = self.http.sock
        if isinstance(sock, ssl.SSLSocket):
            sock = sock.unwrap()
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(4096):
            pass
        sock.close()

    def request(self, method, target, body=None, kind="application/json; charset=utf-8", headers=(), compress=False):
        """Sends a request, reads its response in full; dictionaries and lists go as JSON."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        self.http.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        self.http.putheader("Host", self.host)
        self.http.putheader("User-Agent", AGENT)
        self.http.putheader("Accept-Encoding", "gzip")
        for name, value in headers:
            self.http.putheader(name, value)
        if body is not None:
            self.http.putheader("Content-Type", kind)
            if compress:
                body = gzip.compress(body, mtime=0)
                self.http.putheader("Content-Encoding", "gzip")
            self.http.putheader("Content-Length", str(len(body)))
        self.http.endheaders(body)
        response = self.http.getresponse()
        response.content = response.read()
        if response.getheader("Content-Encoding") == "gzip":
            response.content = gzip.decompress(response.content)
        assert response.status < 400, (method, target, response.status, response.content)
        return response
