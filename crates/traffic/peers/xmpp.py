"""A message and a password by XMPP: in clear, and after STARTTLS."""

import asyncio
import ssl
import subprocess
import time

import slixmpp

NEEDS = "prosody (server), slixmpp (client)"

CONFIG = """
daemonize = false
pidfile = "{folder}/prosody.pid"
data_path = "{folder}"
log = {{ error = "{folder}/prosody.log" }}
interfaces = {{ "127.20.3.4" }}
c2s_ports = {{ 15222 }}
s2s_ports = {{ }}
modules_enabled = {{ "roster", "saslauth", "tls", "disco", "ping", "register" }}
modules_disabled = {{ "s2s" }}
allow_registration = true
allow_unencrypted_plain_auth = true
c2s_require_encryption = false
authentication = "internal_plain"
certificates = "{folder}"
run_as_root = true
VirtualHost "chat.example"
  ssl = {{ key = "{certificate}", certificate = "{certificate}" }}
"""


class Phone(slixmpp.ClientXMPP):
    def __init__(self, name, tls, text, key_log):
        super().__init__(f"{name}@chat.example", "withy-beds-52", sasl_mech="PLAIN")
        self.text = text
        self.enable_starttls = tls
        self.enable_plaintext = True
        self.enable_direct_tls = False
        self["feature_mechanisms"].unencrypted_plain = True
        self.ssl_context = ssl.create_default_context()
        self.ssl_context.check_hostname = False
        self.ssl_context.verify_mode = ssl.CERT_NONE
        self.ssl_context.keylog_filename = key_log
        self.done = asyncio.get_event_loop().create_future()
        self.add_event_handler("session_start", self.talk)
        self.add_event_handler("failed_all_auth", lambda event: self.done.set_result("no"))
        self.add_event_handler("message", lambda event: self.done.done() or self.done.set_result("yes"))

    def get_ssl_context(self):
        return self.ssl_context

    async def talk(self, event):
        self.send_presence()
        self.send_message(mto=self.boundjid.bare, mbody=self.text, mtype="chat")


def play(stage):
    folder = stage.folder
    config = folder / "prosody.cfg.lua"
    config.write_text(CONFIG.format(folder=folder, certificate=stage.authority.issue("chat.example")))
    accounts = folder / "chat%2eexample" / "accounts"
    accounts.mkdir(parents=True)
    for name in ("clear", "sealed"):
        (accounts / f"{name}.dat").write_text('return { ["password"] = "withy-beds-52"; };')
    server = subprocess.Popen(["prosody", "--root", "-F", "--config", str(config)])
    time.sleep(2)
    try:
        for name, tls, text in (
            ("clear", False, "The heron lands at dusk & waits"),
            ("sealed", True, "The bittern booms before dawn"),
        ):
            loop = asyncio.new_event_loop()
            asyncio.set_event_loop(loop)
            phone = Phone(name, tls, text, str(stage.key_log))
            phone.connect("127.20.3.4", 15222)
            loop.run_until_complete(asyncio.wait_for(phone.done, 15))
            phone.disconnect()
            loop.run_until_complete(asyncio.sleep(0.5))
    finally:
        server.terminate()
        server.wait()
