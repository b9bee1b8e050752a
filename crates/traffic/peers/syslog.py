"""Log lines to rsyslog: by the standard library, by logger and by rsyslog itself, in both forms, over UDP and TCP."""

import logging
import logging.handlers
import subprocess
import time

NEEDS = "rsyslog (server and forwarder), logger of util-linux"

SERVER = """
global(workDirectory="{folder}")
module(load="imudp")
module(load="imtcp")
input(type="imudp" address="127.20.3.31" port="10514")
input(type="imtcp" address="127.20.3.31" port="10514")
action(type="omfile" file="{folder}/heard.log")
"""

FORWARDER = """
global(workDirectory="{folder}")
module(load="imudp")
input(type="imudp" address="127.20.3.32" port="10515")
action(type="omfwd" target="127.20.3.31" port="10514" protocol="tcp" TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format")
"""


def start(stage, name, text):
    path = stage.folder / f"{name}.conf"
    path.write_text(text.format(folder=stage.folder))
    return subprocess.Popen(["rsyslogd", "-n", "-f", str(path), "-i", str(stage.folder / f"{name}.pid")])


def play(stage):
    servers = [start(stage, "server", SERVER), start(stage, "forwarder", FORWARDER)]
    time.sleep(1.5)
    try:
        # Python writes a priority and a text, no more.
        log = logging.getLogger("relay")
        log.setLevel(logging.INFO)
        log.addHandler(logging.handlers.SysLogHandler(("127.20.3.31", 10514)))
        log.info("chat: from=+447700900142 text=\"The heron lands at dusk\"")
        to = ["--server", "127.20.3.31", "--port", "10514", "--tag", "relay"]
        data = ["--rfc5424=notq,notime", "--msgid", "SENT", "--sd-id", "chat@32473", "--sd-param", 'text="The bittern booms before dawn"', "--sd-param", 'to="bob"']
        for command in (
            [*to, "--udp", "--rfc3164", "The egret stands in the shallows"],
            [*to, "--udp", *data, "sent"],
            [*to, "--tcp", "--rfc3164", "The egret stands in the shallows"],
            [*to, "--tcp", "--octet-count", *data, "sent"],
            # Passed on by rsyslog in its own hand.
            ["--server", "127.20.3.32", "--port", "10515", "--tag", "relay", "--udp", "--rfc5424", '{"text": "The crane calls at noon"}'],
        ):
            subprocess.run(["logger", *command], check=True)
        time.sleep(1.5)
    finally:
        for server in servers:
            server.terminate()
            server.wait()
    heard = (stage.folder / "heard.log").read_text()
    assert heard.count("egret") == 2 and "crane" in heard and "heron" in heard, heard
