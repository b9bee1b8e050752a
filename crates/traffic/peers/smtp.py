"""Mails by SMTP: in clear with a password, pipelined headers and MIME parts in several charsets, and after STARTTLS."""

import smtplib
import ssl
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import AuthResult

NEEDS = "aiosmtpd (server), Python's smtplib (client)"


def mail(text, subject, charset="utf-8", coding=None):
    message = EmailMessage()
    message["From"] = "Ann <ann@post.example>"
    message["To"] = "bob@post.example"
    message["Subject"] = subject
    message.set_content(text, charset=charset, cte=coding)
    message.add_attachment(b"The heron's nest is on the third island" * 8, maintype="application", subtype="octet-stream", filename="nest.bin")
    return message


def play(stage):
    host, address = "post.example", "127.20.3.1"
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(stage.authority.issue(host))
    accept = lambda server, session, envelope, mechanism, data: AuthResult(success=True)
    plain = Controller(Sink(), hostname=address, port=2525, authenticator=accept, auth_require_tls=False, server_hostname=host)
    secure = Controller(Sink(), hostname=address, port=587, tls_context=tls, authenticator=accept, server_hostname=host)
    plain.start()
    secure.start()
    with smtplib.SMTP(address, 2525, local_hostname="phone.example") as client:
        client.login("ann", "willow-weir-41")
        client.send_message(mail("The heron lands at dusk.\n.\n..and leaves.\n", "=?utf-8?q?The_heron?= at dusk"))
        client.send_message(mail("Le héron se pose au crépuscule.\n", "Réunion à la digue", "iso-8859-1", "quoted-printable"))
        client.send_message(mail("Серая цапля садится в сумерках.\n", "Цапля на закате", "koi8-r", "base64"))
    context = ssl.create_default_context(cafile=stage.authority.path)
    context.keylog_filename = str(stage.key_log)
    context.check_hostname = False
    with smtplib.SMTP(address, 587, local_hostname="phone.example") as client:
        client.starttls(context=context)
        client.login("ann", "alder-sluice-77")
        client.send_message(mail("The bittern booms before dawn.\n", "bittern"))
    plain.stop()
    secure.stop()
