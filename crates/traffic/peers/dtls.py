"""OpenSSL's DTLS, client against server: 1.2 with AEADs and CBC, by certificate and by pre-shared key, and 1.0."""

import subprocess
import time

NEEDS = "openssl 3 (apt)"
HOST = "127.20.0.40"
TEXT = "The heron lands at dusk, suite {}"
PSK = "5a3f" * 16
SESSIONS = [
    # Version, suite, more arguments of both.
    ("-dtls1_2", "ECDHE-ECDSA-AES128-GCM-SHA256", []),
    ("-dtls1_2", "ECDHE-ECDSA-AES256-CCM8", []),
    ("-dtls1_2", "ECDHE-ECDSA-CHACHA20-POLY1305", []),
    ("-dtls1_2", "ECDHE-ECDSA-AES256-SHA384", []),
    ("-dtls1_2", "PSK-AES128-CCM8", ["-psk", PSK]),
    ("-dtls1", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0", []),
]


def play(stage):
    certificate = stage.authority.issue("dtls.chatterly.example")
    for number, (version, suite, more) in enumerate(SESSIONS):
        port = str(4433 + number)
        server = ["openssl", "s_server", version, "-accept", f"{HOST}:{port}", "-cipher", suite, "-quiet", *more]
        server += ["-nocert"] if more else ["-cert", certificate, "-key", certificate]
        # Small datagrams: the certificate takes several.
        server = subprocess.Popen([*server, "-mtu", "400"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        time.sleep(0.4)
        client = ["openssl", "s_client", version, "-connect", f"{HOST}:{port}", "-cipher", suite, "-quiet", *more]
        client += ["-servername", "dtls.chatterly.example", "-keylogfile", stage.key_log, "-use_srtp", "SRTP_AES128_CM_SHA1_80"]
        client = subprocess.Popen(client, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        time.sleep(0.6)
        client.stdin.write((TEXT.format(number) + "\n").encode())
        client.stdin.flush()
        time.sleep(0.2)
        server.stdin.write(f"and leaves at dawn, suite {number}\n".encode())
        server.stdin.flush()
        time.sleep(0.3)
        client.stdin.close()
        time.sleep(0.2)
        client.terminate()
        server.terminate()
        client.wait()
        server.wait()
