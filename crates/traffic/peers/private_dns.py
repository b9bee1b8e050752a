"""Names asked for inside TLS and inside HTTPS, by GET and by POST."""

import os
import subprocess
import time

NEEDS = "unbound (server), kdig of knot-dnsutils (client)"

SERVER = """
server:
    interface: 127.20.3.33@8853
    interface: 127.20.3.33@8443
    tls-port: 8853
    https-port: 8443
    tls-service-key: "{key}"
    tls-service-pem: "{certificate}"
    access-control: 127.0.0.0/8 allow
    do-daemonize: no
    use-syslog: no
    chroot: ""
    username: ""
    directory: "{folder}"
    pidfile: "{folder}/unbound.pid"
    local-zone: "example." static
    local-data: "api.chatterly.example. A 203.0.113.7"
    local-data: "the-heron-lands-at-dusk.tracker.example. A 203.0.113.9"
remote-control:
    control-enable: no
"""


def play(stage):
    key, certificate = stage.folder / "dns.key", stage.folder / "dns.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
         "-subj", "/CN=dns.chatterly.example", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )
    config = stage.folder / "unbound.conf"
    config.write_text(SERVER.format(folder=stage.folder, key=key, certificate=certificate))
    server = subprocess.Popen(["unbound", "-c", str(config)])
    time.sleep(1.5)
    try:
        environment = os.environ | {"SSLKEYLOGFILE": str(stage.key_log)}
        for name in ("api.chatterly.example", "the-heron-lands-at-dusk.tracker.example"):
            for options in (["+tls", "-p", "8853"], ["+https=/dns-query", "-p", "8443"], ["+https=/dns-query", "+https-get", "-p", "8443"]):
                out = subprocess.run(["kdig", "@127.20.3.33", *options, name, "A"], env=environment, check=True, capture_output=True, text=True).stdout
                assert "203.0.113." in out, out
    finally:
        server.terminate()
        server.wait()
