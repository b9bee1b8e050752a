"""HTTP through SOCKS 5 with a password and through SOCKS 4a, the tunnel's target known by its name."""

import subprocess
import threading
import time

from stage import Response

NEEDS = "pproxy (server), curl (client)"


def play(stage):
    heard = lambda method, path, headers, body: Response(body=b'{"ok":true}')
    stage.serve("api.example", "127.20.3.9", heard, plain=True)
    servers = [
        subprocess.Popen(["pproxy", "-l", f"{scheme}://127.20.3.10:{port}{login}"])
        for scheme, port, login in (("socks5", 11080, "#ann:eel-trap-64"), ("socks4", 11081, ""))
    ]
    time.sleep(1.5)
    try:
        for proxy in ("socks5h://ann:eel-trap-64@127.20.3.10:11080", "socks4://127.20.3.10:11081"):
            text = '{"text":"The heron lands at dusk"}'
            subprocess.run(
                ["curl", "-s", "-m", "5", "--proxy", proxy, "-d", text, "-H", "Host: api.example", "http://127.20.3.9/v1/send"], check=False
            )
    finally:
        for server in servers:
            server.terminate()
            server.wait()
