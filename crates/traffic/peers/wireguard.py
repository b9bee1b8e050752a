"""wireguard-go answers a client whose Noise handshake another library makes; inside the tunnel curl asks for a page.

The client's end is a network of its own, whose packets a TUN device hands to this script: it can log its ephemeral key,
which wireguard-go does not tell.
"""

import base64
import ctypes
import fcntl
import os
import select
import socket
import struct
import subprocess
import threading
import time

NEEDS = "wireguard-go and wireguard-tools (apt), noiseprotocol (PyPI), curl, /dev/net/tun"
SERVER = "127.20.0.47"
INSIDE = "10.77.0.1"
CLIENT = "10.77.0.2"


def tai64n():
    now = time.time()
    return struct.pack("!QI", 2**62 + 10 + int(now), int(now % 1 * 1e9))


def mac1(responder, message):
    import hashlib

    key = hashlib.blake2s(b"mac1----" + responder).digest()
    return hashlib.blake2s(message, digest_size=16, key=key).digest()


def text(key):
    return base64.b64encode(key).decode()


def handshake(peer, private, responder, shared, log):
    """The initiator's side, and the ciphers it leads to."""
    from noise.connection import Keypair, NoiseConnection

    noise = NoiseConnection.from_name(b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s")
    noise.set_as_initiator()
    noise.set_prologue(b"WireGuard v1 zx2c4 Jason@zx2c4.com")
    noise.set_psks(psk=shared)
    noise.set_keypair_from_private_bytes(Keypair.STATIC, private)
    noise.set_keypair_from_public_bytes(Keypair.REMOTE_STATIC, responder)
    noise.start_handshake()
    message = struct.pack("<II", 1, 0x1E90) + noise.write_message(tai64n())
    from cryptography.hazmat.primitives import serialization

    ephemeral = noise.noise_protocol.handshake_state.e.private.private_bytes(
        serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
    )
    log.write_text(
        f"LOCAL_STATIC_PRIVATE_KEY = {text(private)}\n"
        f"REMOTE_STATIC_PUBLIC_KEY = {text(responder)}\n"
        f"LOCAL_EPHEMERAL_PRIVATE_KEY = {text(ephemeral)}\n"
        f"PRESHARED_KEY = {text(shared)}\n"
    )
    peer.send(message + mac1(responder, message) + bytes(16))
    answer = peer.recv(2048)
    noise.read_message(answer[12:60])
    return noise, struct.unpack("<I", answer[4:8])[0]


def client(peer, private, responder, shared, log):
    """A network behind the tunnel, with curl in it."""
    noise, index = handshake(peer, private, responder, shared, log)
    ctypes.CDLL(None).unshare(0x40000000)  # CLONE_NEWNET
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH22x", b"inside", 0x1001))  # TUNSETIFF: IFF_TUN, IFF_NO_PI
    for command in (f"addr add {CLIENT}/24 dev inside", "link set inside up mtu 1380"):
        subprocess.run(["ip", *command.split()], check=True)
    done = threading.Event()

    def carry():
        sent = 0
        while not done.is_set():
            for end in select.select([tun, peer], [], [], 0.1)[0]:
                if end == tun:
                    packet = os.read(tun, 2048)
                    if packet[0] >> 4 != 4:
                        continue
                    packet += bytes(-len(packet) % 16)
                    peer.send(struct.pack("<IIQ", 4, index, sent) + noise.encrypt(packet))
                    sent += 1
                else:
                    message = peer.recv(2048)
                    if message[0] == 4:
                        packet = noise.decrypt(message[16:])
                        if packet:
                            os.write(tun, packet[: struct.unpack("!H", packet[2:4])[0]])

    threading.Thread(target=carry).start()
    subprocess.run(
        ["curl", "-s", "-m", "5", "-d", "text=The heron lands at dusk", f"http://{INSIDE}/v1/send"],
        stdout=subprocess.DEVNULL,
    )
    time.sleep(0.3)
    done.set()


def play(stage):
    from stage import Response

    def key(*command, text=None):
        return subprocess.run(["wg", *command], input=text, capture_output=True, text=True, check=True).stdout.strip()

    server, private, shared = key("genkey"), key("genkey"), key("genpsk")
    files = {name: stage.folder / name for name in ("server", "shared")}
    files["server"].write_text(server)
    files["shared"].write_text(shared)
    daemon = subprocess.Popen(
        ["wireguard-go", "-f", "wgpeer"],
        env={**os.environ, "LOG_LEVEL": "error", "WG_PROCESS_FOREGROUND": "1"},
        stdout=subprocess.DEVNULL,
    )
    time.sleep(0.7)
    try:
        peer_key = key("pubkey", text=private)
        command = ["wg", "set", "wgpeer", "listen-port", "51820", "private-key", files["server"], "peer", peer_key]
        subprocess.run([*command, "preshared-key", files["shared"], "allowed-ips", f"{CLIENT}/32"], check=True)
        subprocess.run(["ip", "addr", "add", f"{INSIDE}/24", "dev", "wgpeer"], check=True)
        subprocess.run(["ip", "link", "set", "wgpeer", "up", "mtu", "1380"], check=True)
        stage.serve("inside.chatterly.example", INSIDE, lambda *_: Response(body=b'{"ok": true}'), plain=True)
        peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        peer.bind(("127.0.0.1", 51821))
        peer.connect((SERVER, 51820))
        raw = base64.b64decode
        child = os.fork()
        if child == 0:
            client(peer, raw(private), raw(key("pubkey", text=server)), raw(shared), stage.key_log)
            os._exit(0)
        os.waitpid(child, 0)
    finally:
        daemon.terminate()
        daemon.wait()
