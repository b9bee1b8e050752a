"""A call of aiortc with aiortc: ICE, DTLS, and G.711 in SRTP; the handshake's secrets are logged by OpenSSL."""

import asyncio
import fractions
import math

NEEDS = "aiortc (PyPI)"
ADDRESS = "127.20.0.43"


def tone(number):
    """Twenty milliseconds of a tone that swells and fades."""
    import av

    frame = av.AudioFrame(format="s16", layout="mono", samples=160)
    at = range(number * 160, number * 160 + 160)
    samples = [int(9000 * abs(math.sin(n / 4000)) * math.sin(n / 9)) for n in at]
    frame.planes[0].update(b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples))
    frame.sample_rate, frame.pts, frame.time_base = 8000, number * 160, fractions.Fraction(1, 8000)
    return frame


async def call(stage):
    import aioice.ice
    from aiortc import RTCPeerConnection, RTCRtpSender
    from aiortc.mediastreams import AudioStreamTrack
    from aiortc.rtcdtlstransport import RTCCertificate

    aioice.ice.get_host_addresses = lambda **_: [ADDRESS]
    create = RTCCertificate._create_ssl_context

    def logging(self, *arguments, **named):
        context = create(self, *arguments, **named)

        def log(_, line):
            with open(stage.key_log, "ab") as file:
                file.write(line + b"\n")

        context.set_keylog_callback(log)
        return context

    RTCCertificate._create_ssl_context = logging

    class Tone(AudioStreamTrack):
        number = 0

        async def recv(self):
            await asyncio.sleep(0.019)
            self.number += 1
            return tone(self.number - 1)

    codecs = [codec for codec in RTCRtpSender.getCapabilities("audio").codecs if codec.mimeType == "audio/PCMU"]
    ends = [RTCPeerConnection(), RTCPeerConnection()]
    for end in ends:
        end.addTransceiver(Tone(), "sendrecv")
        end.getTransceivers()[0].setCodecPreferences(codecs)
    await ends[0].setLocalDescription(await ends[0].createOffer())
    await ends[1].setRemoteDescription(ends[0].localDescription)
    transceiver = ends[1].getTransceivers()[0]
    transceiver.setCodecPreferences(codecs)
    await ends[1].setLocalDescription(await ends[1].createAnswer())
    await ends[0].setRemoteDescription(ends[1].localDescription)
    await asyncio.sleep(3.5)
    for end in ends:
        await end.close()


def play(stage):
    asyncio.run(call(stage))
