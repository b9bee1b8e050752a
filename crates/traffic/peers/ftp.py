"""A file stored and fetched by FTP, in clear and after AUTH TLS."""

import ftplib
import io
import ssl
import threading

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.ioloop import IOLoop
from pyftpdlib.servers import FTPServer

NEEDS = "pyftpdlib with pyOpenSSL (server), Python's ftplib (client)"


def play(stage):
    (stage.folder / "files").mkdir()
    certificate = stage.authority.issue("files.example")
    servers = []
    for base, port in ((FTPHandler, 2121), (TLS_FTPHandler, 2122)):
        authorizer = DummyAuthorizer()
        authorizer.add_user("ann", "osier-bed-23", str(stage.folder / "files"), perm="elradfmwMT")
        handler = type("Handler", (base,), {"authorizer": authorizer, "banner": "files ready"})
        if base is TLS_FTPHandler:
            handler.certfile = str(certificate)
        server = FTPServer(("127.20.3.3", port), handler, ioloop=IOLoop())
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
    context = ssl.create_default_context(cafile=stage.authority.path)
    context.check_hostname = False
    context.keylog_filename = str(stage.key_log)
    for client, port in ((ftplib.FTP(), 2121), (ftplib.FTP_TLS(context=context), 2122)):
        client.connect("127.20.3.3", port)
        client.login("ann", "osier-bed-23")
        if isinstance(client, ftplib.FTP_TLS):
            client.prot_p()
        name = "dusk" if port == 2121 else "dawn"
        client.storbinary(f"STOR heron-at-{name}.txt", io.BytesIO(f"The heron lands at {name}.\n".encode() * 20))
        client.retrlines("LIST", lambda line: None)
        client.quit()
    for server in servers:
        server.close_all()
