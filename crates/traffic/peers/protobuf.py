"""Messages by gRPC in clear, one call and one stream, and the same schema's messages in a plain HTTP body."""

import sys
import tempfile
import urllib.request
from concurrent import futures
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

NEEDS = "grpcio, grpcio-tools, protobuf"

PROTO = Path(__file__).resolve().parents[3] / "tests" / "fixtures" / "peers" / "protobuf.proto"


def generated():
    """The schema's classes, made by protoc."""
    from grpc_tools import protoc

    folder = tempfile.mkdtemp()
    wells = Path(protoc.__file__).parent / "_proto"
    code = protoc.main(["protoc", f"-I{PROTO.parent}", f"-I{wells}", f"--python_out={folder}", f"--grpc_python_out={folder}", str(PROTO)])
    assert code == 0
    sys.path.insert(0, folder)
    import protobuf_pb2
    import protobuf_pb2_grpc

    return protobuf_pb2, protobuf_pb2_grpc


class Taker(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def play(stage):
    here = str(Path(__file__).parent)
    sys.path[:] = [path for path in sys.path if path != here]
    sys.modules.pop("protobuf", None)
    import grpc

    chat, services = generated()

    def message(text):
        attachment = chat.Receipt(id=7, note="The bittern booms before dawn")
        out = chat.Message(recipient="+447700900142", text=text, labels={"mood": "wistful as a wading heron"}, read_by=[-3, 4, 900_000])
        out.where.latitude, out.where.longitude, out.where.accuracy = 48.8583701, 2.2944813, 12.5
        out.attachment.Pack(attachment)
        out.sealed = bytes(range(32))
        out.never = True
        return out

    class Relay(services.RelayServicer):
        def Send(self, request, context):
            return chat.Receipt(id=1 << 40, note="Received in the reeds")

        def Listen(self, request, context):
            for text in ("The heron lands at dusk", "The heron leaves at noon"):
                yield message(text)

    server = grpc.server(futures.ThreadPoolExecutor(2))
    services.add_RelayServicer_to_server(Relay(), server)
    server.add_insecure_port("127.20.3.21:50051")
    server.start()
    with grpc.insecure_channel("127.20.3.21:50051") as channel:
        stub = services.RelayStub(channel)
        stub.Send(message("The heron lands at dusk"))
        list(stub.Listen(chat.Place(latitude=48.8583701, longitude=2.2944813)))
    server.stop(None).wait()

    taker = HTTPServer(("127.20.3.22", 8080), Taker)
    Thread(target=taker.serve_forever, daemon=True).start()
    body = message("The egret stands in the shallows").SerializeToString()
    for url, kind in [("/chat.v1.Relay/Send", "application/proto"), ("/upload", "application/x-protobuf")]:
        request = urllib.request.Request(f"http://127.20.3.22:8080{url}", body, {"Content-Type": kind})
        urllib.request.urlopen(request).read()
    taker.shutdown()
