"""A call set up and ended, and an instant message, by SIP over UDP and over TCP."""

import subprocess

NEEDS = "sipp (client and server)"

MESSAGE = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="message">
  <send retrans="500"><![CDATA[
MESSAGE sip:bob@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "Ann +44 7700 900142" <sip:ann@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:bob@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 MESSAGE
Subject: =?utf-8?q?reeds?=
Max-Forwards: 70
Content-Type: text/plain
Content-Length: [len]

The heron lands at dusk
]]></send>
  <recv response="200"/>
</scenario>
"""
ANSWER = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="answer">
  <recv request="MESSAGE"/>
  <send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
</scenario>
"""


def play(stage):
    (stage.folder / "message.xml").write_text(MESSAGE)
    (stage.folder / "answer.xml").write_text(ANSWER)

    def talk(transport, port, client, server):
        common = ["-t", transport, "-m", "1", "-timeout", "10", "-nostdin"]
        answering = subprocess.Popen(
            ["sipp", *server, "-i", "127.20.3.5", "-p", str(port), *common], cwd=stage.folder, stdout=subprocess.DEVNULL
        )
        subprocess.run(["sleep", "0.5"], check=True)
        subprocess.run(
            ["sipp", *client, "-i", "127.20.3.6", "-p", str(port + 1), *common, f"127.20.3.5:{port}"],
            cwd=stage.folder,
            stdout=subprocess.DEVNULL,
        )
        answering.wait()

    talk("u1", 15060, ["-sn", "uac"], ["-sn", "uas"])
    talk("u1", 15070, ["-sf", "message.xml"], ["-sf", "answer.xml"])
    talk("t1", 15080, ["-sf", "message.xml"], ["-sf", "answer.xml"])
