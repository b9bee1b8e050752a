#!/usr/bin/env python3
"""Records how real stores answer a knock: `record.py PLAINSIGHT [NAME …]`, all of them without a name.

Starts each store on loopback, once open and once with credentials, lets the binary PLAINSIGHT knock at it through a relay,
and writes what the store answered to `src/store/service/answers/NAME`. A store that is not installed is passed over.
RabbitMQ's management has no open setting: its open answer is what it tells whoever has credentials, for the relay adds them.
"""

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUT = HERE.parents[2] / "src" / "store" / "service" / "answers"


def free():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def post(port, path, body):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), method="POST")
    return json.load(urllib.request.urlopen(request, timeout=10))


def redis(folder, port, locked):
    return ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder,
            *(["--requirepass", "mere-hern-31"] if locked else [])]  # fmt: skip


def redis_filled(port, locked):
    if not locked:
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"SET chat:1 heron\r\n")
            client.recv(64)


def memcached(folder, port, locked):
    users = Path(folder, "users")
    users.write_text("alice:mere-hern-31\n")
    return ["memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", str(port), "-U", "0", *(["-Y", str(users)] if locked else [])]


def etcd(folder, port, locked):
    url, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{free()}"
    return ["etcd", "--data-dir", f"{folder}/data", "--listen-client-urls", url, "--advertise-client-urls", url,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"]  # fmt: skip


def etcd_filled(port, locked):
    text = lambda words: base64.b64encode(words.encode()).decode()
    post(port, "/v3/kv/put", {"key": text("chat/1"), "value": text("heron")})
    if locked:
        post(port, "/v3/auth/user/add", {"name": "root", "password": "mere-hern-31"})
        post(port, "/v3/auth/user/grant", {"user": "root", "role": "root"})
        post(port, "/v3/auth/enable", {})


def influxdb(folder, port, locked):
    Path(folder, "config").write_text(
        f'reporting-disabled = true\nbind-address = "127.0.0.1:{free()}"\n[meta]\ndir = "{folder}/meta"\n'
        f'[data]\ndir = "{folder}/data"\nwal-dir = "{folder}/wal"\n'
        f'[http]\nbind-address = "127.0.0.1:{port}"\nauth-enabled = {str(locked).lower()}\n'
    )
    return ["influxd", "-config", f"{folder}/config"]


def influxdb_filled(port, locked):
    if not locked:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/query", b"q=CREATE DATABASE calls", timeout=10).read()


def clickhouse(folder, port, locked):
    password = "mere-hern-31" if locked else ""
    Path(folder, "config.xml").write_text(
        f"<yandex><logger><level>error</level><console>1</console></logger><display_name>log</display_name>"
        f"<http_port>{port}</http_port><tcp_port>{free()}</tcp_port><listen_host>127.0.0.1</listen_host>"
        f"<path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path><mark_cache_size>5368709</mark_cache_size>"
        f"<users_config>{folder}/users.xml</users_config><default_profile>default</default_profile>"
        f"<default_database>default</default_database></yandex>"
    )
    Path(folder, "users.xml").write_text(
        f"<yandex><profiles><default/></profiles><quotas><default/></quotas><users><default><password>{password}</password>"
        f"<networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota></default></users></yandex>"
    )
    return ["clickhouse-server", f"--config-file={folder}/config.xml"]


def clickhouse_filled(port, locked):
    if not locked:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", b"CREATE DATABASE chat", timeout=10).read()


def rabbitmq(folder, port, locked):
    Path(folder, "enabled_plugins").write_text("[rabbitmq_management].\n")
    Path(folder, "rabbit.conf").write_text(
        f"listeners.tcp.1 = 127.0.0.1:{free()}\nmanagement.tcp.port = {port}\nmanagement.tcp.ip = 127.0.0.1\ncluster_name = chat\n"
    )
    epmd = free()
    os.environ.update(
        HOME=folder, RABBITMQ_NODENAME="chat@localhost", RABBITMQ_MNESIA_BASE=f"{folder}/mnesia", RABBITMQ_LOGS="-",
        RABBITMQ_LOG_BASE=folder, RABBITMQ_ENABLED_PLUGINS_FILE=f"{folder}/enabled_plugins", RABBITMQ_DIST_PORT=str(free()),
        RABBITMQ_CONFIG_FILE=f"{folder}/rabbit", ERL_EPMD_PORT=str(epmd), ERL_EPMD_ADDRESS="127.0.0.1",
    )  # fmt: skip
    # The name service of its own ends with the group of processes that it is in.
    return ["sh", "-c", "epmd -address 127.0.0.1 & exec /usr/lib/rabbitmq/bin/rabbitmq-server"]


def rabbitmq_filled(port, locked):
    time.sleep(8)  # until the overview is worked out


def couchdb(folder, port, locked):
    # PouchDB's server, which speaks CouchDB's protocol: `npm install pouchdb-server` somewhere on PATH.
    # It knows no setting that shuts it.
    if locked:
        return ["not-installed"]
    return ["pouchdb-server", "--port", str(port), "--host", "127.0.0.1", "--dir", folder, "--no-stdout-logs", "--no-color"]


def couchdb_filled(port, locked):
    if not locked:
        urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/chat", method="PUT"), timeout=10).read()


STORES = {
    "redis": (redis, redis_filled), "memcached": (memcached, None), "etcd": (etcd, etcd_filled),
    "influxdb": (influxdb, influxdb_filled), "clickhouse": (clickhouse, clickhouse_filled), "rabbitmq": (rabbitmq, rabbitmq_filled),
    "couchdb": (couchdb, couchdb_filled),
}  # fmt: skip


def relay(listener, port, answer, more):
    """One connection, to the store and back; `more` goes into the request's head."""
    client, _ = listener.accept()
    server = socket.create_connection(("127.0.0.1", port))

    def ask():
        try:
            while piece := client.recv(1 << 16):
                server.sendall(piece.replace(b"\r\nAccept:", more + b"\r\nAccept:", 1))
        except OSError:
            pass  # the other way has ended

    threading.Thread(target=ask, daemon=True).start()
    try:
        while piece := server.recv(1 << 16):
            answer += piece
            client.sendall(piece)
    except OSError:
        pass
    client.close()


def knock(plainsight, service, port, more):
    listener = socket.create_server(("127.0.0.1", 0))
    answer = bytearray()
    thread = threading.Thread(target=relay, args=(listener, port, answer, more), daemon=True)
    thread.start()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "scenario.toml").write_text(
            "[app]\nname='x'\n[parties]\nprovider=['x.example']\n[[claim]]\nid='a'\ntext='t'\nsource='s'\nseen=2026-11-02\n"
            f"promise='not-public'\ndata=['messages']\n[[store]]\nhost='127.0.0.1'\nport={listener.getsockname()[1]}\nservice='{service}'\n"
        )
        told = subprocess.run([plainsight, "door", "--scenario", folder, "--i-own-this", "--json", "-q"], capture_output=True, check=False)
    thread.join(3)
    return bytes(answer), json.loads(told.stdout)["doors"][0]


def record(plainsight, service, locked):
    start, fill = STORES[service]
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        port = free()
        command = start(folder, port, locked)
        if not shutil.which(command[0]):
            return print(f"{service}: not installed")
        log = open(Path(folder, "log"), "wb")
        child = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, start_new_session=True)
        try:
            for _ in range(600):
                time.sleep(0.2)
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
            else:
                return print(f"{service}: does not come up\n{Path(folder, 'log').read_text()[-2000:]}")
            time.sleep(1)
            if fill:
                fill(port, locked)
            basic = base64.b64encode(b"guest:guest")
            more = b"\r\nAuthorization: Basic " + basic if service == "rabbitmq" and not locked else b""
            answer, door = knock(plainsight, service, port, more)
        finally:
            os.killpg(child.pid, 15)
            child.wait()
        name = f"{service}-{'locked' if locked else 'open'}"
        OUT.mkdir(exist_ok=True)
        kernel = os.uname().release.encode()
        (OUT / name).write_bytes(answer.replace(kernel, b"6.1.0".ljust(len(kernel), b"0")))
        print(f"{name}: {len(answer)} bytes, told as {door['state']} {door.get('version')} {door.get('holds')}")


def main(plainsight, *names):
    for service in names or STORES:
        for locked in (False, True):
            record(str(Path(plainsight).resolve()), service, locked)


if __name__ == "__main__":
    main(*sys.argv[1:])
