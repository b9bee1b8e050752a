"""Calls in clear: G.711 as FFmpeg sends it, with RTCP; and libsrtp's SRTP, whose key a session description carried."""

import base64
import math
import struct
import time
import urllib.request

NEEDS = "PyAV and pylibsrtp (PyPI: av, pylibsrtp)"
PEER = "127.20.0.44"


def frames(codec):
    """Encoded packets of a tone that swells and fades."""
    import av

    encoder = av.CodecContext.create(codec, "w")
    encoder.sample_rate, encoder.layout, encoder.format = 8000, "mono", "s16"
    for number in range(100):
        frame = av.AudioFrame(format="s16", layout="mono", samples=160)
        at = range(number * 160, number * 160 + 160)
        samples = [int(9000 * abs(math.sin(n / 4000)) * math.sin(n / 9)) for n in at]
        frame.planes[0].update(b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples))
        frame.sample_rate, frame.pts = 8000, number * 160
        yield from encoder.encode(frame)


def send(url, codec):
    import av

    out = av.open(url, "w", format="rtp")
    out.add_stream(codec, rate=8000, layout="mono")
    for packet in frames(codec):
        packet.stream = out.streams[0]
        out.mux(packet)
        time.sleep(0.005)
    out.close()


def send_secure(address, key):
    import socket

    from pylibsrtp import Policy, Session

    session = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND))
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for number, packet in enumerate(frames("pcm_mulaw")):
        # The sequence numbers wrap on the way.
        header = struct.pack("!BBHII", 0x80, 0, (65_500 + number) % 65_536, number * 160, 0x7EA5E1)
        sender.sendto(session.protect(header + bytes(packet)), address)
        time.sleep(0.005)


def play(stage):
    import socket

    # Somebody listens, so that nobody says the port is closed.
    ends = []
    for port in (5004, 5005, 5006, 5007, 5008):
        end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        end.bind((PEER, port))
        ends.append(end)
    send(f"rtp://{PEER}:5004?pkt_size=172", "pcm_mulaw")
    send(f"rtp://{PEER}:5006?pkt_size=172", "pcm_alaw")
    key = bytes(range(30))
    stage.serve("signal.chatterly.example", "127.20.0.45", answer, plain=True)
    crypto = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{base64.b64encode(key).decode()}"
    sdp = f"v=0\r\nm=audio 5008 RTP/SAVP 0\r\n{crypto}\r\n"
    request = urllib.request.Request("http://127.20.0.45/invite", sdp.encode(), method="POST")
    request.add_header("Content-Type", "application/sdp")
    request.add_header("Host", "signal.chatterly.example")
    urllib.request.urlopen(request).read()
    send_secure((PEER, 5008), key)


def answer(*_):
    from stage import Response

    return Response(status=204)
