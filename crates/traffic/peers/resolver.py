"""DNS over UDP, TCP, TLS and HTTPS, and multicast DNS: many kinds of records, a truncated answer, extended DNS."""

import os
import socket
import subprocess
import time

import dns.edns
import dns.message
import dns.query
import dns.rcode
from zeroconf import ServiceInfo, Zeroconf

NEEDS = "unbound 1.17 and dnsmasq 2.90 (servers), dnspython 2, dig 9.18, kdig 3.2 (clients), zeroconf (both ends of multicast)"
HOST, UNBOUND, DNSMASQ = "dns.example", "127.20.9.1", "127.20.9.2"

UNBOUND_CONF = """
server:
    username: ""
    chroot: ""
    pidfile: "{folder}/unbound.pid"
    directory: "{folder}"
    use-syslog: no
    logfile: "{folder}/unbound.log"
    do-daemonize: no
    interface: {address}@53
    interface: {address}@853
    interface: {address}@443
    tls-service-key: "{certificate}"
    tls-service-pem: "{certificate}"
    access-control: 0.0.0.0/0 allow
    do-not-query-localhost: no
    module-config: "iterator"
    max-udp-size: 1232
    local-zone: "example." static
    local-data: "chat.example. 300 IN A 203.0.113.7"
    local-data: "chat.example. 300 IN AAAA 2001:db8::7"
    local-data: "chat.example. 300 IN MX 10 post.example."
    local-data: 'chat.example. 300 IN TXT "the heron lands at dusk" "and leaves at dawn"'
    local-data: "www.chat.example. 300 IN CNAME chat.example."
    local-data: "_xmpp._tcp.chat.example. 300 IN SRV 5 0 5222 chat.example."
    local-data: "7.113.0.203.in-addr.arpa. 300 IN PTR chat.example."
{long}
"""


def play(stage):
    os.environ["SSLKEYLOGFILE"] = str(stage.key_log)
    certificate = stage.authority.issue(HOST)
    config = stage.folder / "unbound.conf"
    # Too long for a datagram.
    long = "\n".join(f"    local-data: 'long.example. 300 IN TXT \"page {n} of the ledger of the reed bank, long enough to be cut\"'" for n in range(40))
    config.write_text(UNBOUND_CONF.format(folder=stage.folder, address=UNBOUND, certificate=certificate, long=long))
    servers = [
        subprocess.Popen(["unbound", "-d", "-c", config]),
        subprocess.Popen(
            ["dnsmasq", "-k", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--listen-address", DNSMASQ, "--bind-interfaces", "--user=root"]
            + ["--pid-file=", "--address=/heron-nest.example/203.0.113.8", "--txt-record=note.example,The bittern booms before dawn"]
        ),
    ]
    time.sleep(1)
    try:
        ask(stage)
        multicast()
    finally:
        for server in servers:
            server.terminate()
            server.wait()


def ask(stage):
    query = dns.message.make_query
    for name, kind in (
        ("chat.example", "A"), ("chat.example", "AAAA"), ("chat.example", "MX"), ("chat.example", "TXT"), ("www.chat.example", "A"),
        ("_xmpp._tcp.chat.example", "SRV"), ("7.113.0.203.in-addr.arpa", "PTR"), ("where-the-egret-sleeps.example", "A"),
    ):
        dns.query.udp(query(name, kind, use_edns=0), UNBOUND, timeout=3)
    answer, by_tcp = dns.query.udp_with_fallback(query("long.example", "TXT", use_edns=0, payload=512), UNBOUND, timeout=3)
    assert by_tcp and len(answer.answer[0]) == 40
    subnet = dns.edns.ECSOption("198.51.100.77", 32)
    dns.query.udp(query("heron-nest.example", "A", use_edns=0, options=[subnet]), DNSMASQ, timeout=3)
    dns.query.udp(query("note.example", "TXT"), DNSMASQ, timeout=3)
    # Two queries of one connection, the answers as they come.
    with socket.create_connection((UNBOUND, 53), timeout=3) as connection:
        for name in ("chat.example", "where-the-teal-sleeps.example"):
            dns.query.send_tcp(connection, query(name, "A"))
        for _ in range(2):
            dns.query.receive_tcp(connection, expiration=time.time() + 3)
    dns.query.tls(query("where-the-crane-sleeps.example", "A", use_edns=0, pad=128), UNBOUND, timeout=3, server_hostname=HOST, verify=str(stage.authority.path))
    for post in (True, False):
        name = f"where-the-grebe-{'posts' if post else 'gets'}.example"
        dns.query.https(query(name, "A", use_edns=0), f"https://{HOST}/dns-query", post=post, http_version=dns.query.HTTPVersion.H2, timeout=3, bootstrap_address=UNBOUND, verify=str(stage.authority.path))
    dig = ["dig", f"@{UNBOUND}", "+tries=1", "+time=3", "+noall"]
    for arguments in (["+tls"], ["+https"], ["+https-get"], ["+tcp", "+keepopen"], ["+cookie"]):
        said = subprocess.run([*dig, *arguments, "chat.example", "TXT"], check=True, stderr=subprocess.PIPE, text=True).stderr
        # dig writes its key log as log lines: a date and a time before each.
        with stage.key_log.open("a") as log:
            log.writelines(line.split(" ", 2)[2] for line in said.splitlines(keepends=True) if "SECRET" in line)
    kdig = ["kdig", f"@{UNBOUND}", "+time=3", "+retry=0"]
    for arguments in (["+tls"], ["+https"], ["+tcp"]):
        subprocess.run([*kdig, *arguments, "chat.example", "TXT"], check=True, stdout=subprocess.DEVNULL)


def multicast():
    """A phone looks for what another offers to the house, by its owner's name."""
    subprocess.run(["ip", "link", "set", "lo", "multicast", "on"], check=True)
    subprocess.run(["ip", "route", "add", "224.0.0.0/4", "dev", "lo"], check=True)
    kind, name = "_chat._tcp.local.", "Ann of the Reeds's Phone._chat._tcp.local."
    info = ServiceInfo(kind, name, addresses=[socket.inet_aton("127.0.0.1")], port=5353, properties={"note": "the heron lands at dusk"}, server="anns-phone.local.")
    offering, looking = Zeroconf(interfaces=["127.0.0.1"]), Zeroconf(interfaces=["127.0.0.1"])
    offering.register_service(info)
    found = looking.get_service_info(kind, name, timeout=2000)
    assert found is not None and found.properties[b"note"], found
    offering.close()
    looking.close()
