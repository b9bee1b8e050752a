"""The service of `chat.proto` for grpcio and for sonora, its classes generated into a folder."""

import sys
from pathlib import Path

from grpc_tools import protoc

KIT = Path(__file__).parent


def generate(folder):
    """Modules `chat_pb2` and `chat_pb2_grpc`, and the schema as a set of descriptors."""
    arguments = ["protoc", f"-I{KIT}", f"--python_out={folder}", f"--grpc_python_out={folder}", f"--descriptor_set_out={folder}/chat.binpb", f"{KIT}/chat.proto"]
    assert protoc.main(arguments) == 0
    sys.path.insert(0, str(folder))


def heard(note):
    import chat_pb2

    return chat_pb2.Note(to="ann", text=f"heard: {note.text}", number=note.number + 1)


def servicer():
    import chat_pb2_grpc

    class Chat(chat_pb2_grpc.ChatServicer):
        def Send(self, note, context):
            context.set_trailing_metadata((("x-digest", "reed-bank-digest"),))
            return heard(note)

        def History(self, note, context):
            for _ in range(3):
                note = heard(note)
                yield note

        def Gather(self, notes, context):
            *_, last = notes
            return heard(last)

        def Talk(self, notes, context):
            for note in notes:
                yield heard(note)

    return Chat()


def asynchronous():
    """The same, for servers that await it."""
    import chat_pb2_grpc

    class Chat(chat_pb2_grpc.ChatServicer):
        async def Send(self, note, context):
            return heard(note)

        async def History(self, note, context):
            for _ in range(3):
                note = heard(note)
                yield note

    return Chat()
