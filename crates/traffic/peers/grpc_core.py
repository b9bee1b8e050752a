"""gRPC: single messages and streams both ways, compressed and not, in clear and inside TLS."""

import subprocess
from concurrent import futures
from pathlib import Path

import grpc

from kit import chat

NEEDS = "grpcio 1.85 and grpcio-tools (server, client), grpc-js 1.14 on Node 20 (npm install @grpc/grpc-js @grpc/proto-loader)"
HOST, ADDRESS = "chat.example", "127.20.7.1"
KIT = Path(__file__).parent / "kit"


def talk(notes, stub, text, compression):
    """Every kind of call."""
    note = lambda n: notes.Note(to="bob", text=f"{text} {n}. " * 3, number=n)
    metadata = (("authorization", "Bearer fen-causeway-86"), ("trace-bin", b"\x00sand martin"))
    stub.Send(note(1), metadata=metadata, compression=compression)
    assert len(list(stub.History(note(2), compression=compression))) == 3
    stub.Gather((note(n) for n in range(3, 6)), compression=compression)
    assert len(list(stub.Talk((note(n) for n in range(6, 9)), compression=compression))) == 3


def play(stage):
    chat.generate(stage.folder)
    import chat_pb2 as notes
    import chat_pb2_grpc as service

    secret = stage.authority.issue(HOST).read_bytes()
    server = grpc.server(futures.ThreadPoolExecutor(4), compression=grpc.Compression.Gzip)
    service.add_ChatServicer_to_server(chat.servicer(), server)
    server.add_insecure_port(f"{ADDRESS}:50051")
    server.add_secure_port(f"{ADDRESS}:443", grpc.ssl_server_credentials([(secret, secret)]))
    server.start()
    for text, compression in (
        ("The heron lands at dusk", grpc.Compression.NoCompression),
        ("The egret shrinks by gzip", grpc.Compression.Gzip),
        ("The bittern shrinks by deflate", grpc.Compression.Deflate),
    ):
        with grpc.insecure_channel(f"{ADDRESS}:50051", options=[("grpc.default_authority", HOST)]) as channel:
            talk(notes, service.ChatStub(channel), text, compression)
    subprocess.run(["node", f"--tls-keylog={stage.key_log}", KIT / "grpc_client.mjs", f"{ADDRESS}:443", stage.authority.path], check=True, timeout=20, stderr=subprocess.DEVNULL)
    server.stop(0.2).wait()
