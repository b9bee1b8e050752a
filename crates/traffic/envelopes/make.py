#!/usr/bin/env python3
"""End-to-end envelopes made by implementations for Python and the command line, and by `make.mjs` for Node.

Needs vodozemac, pyrage, cbor2, pycose, telethon, twomemo[xml], oldmemo[xml], gpg and openssl. Everything is
opened again by the implementation that made it, where it can. `make.py OUT [DIRECTORY OF node_modules]`.
"""

import asyncio
import base64
import os
import subprocess
import sys
import tempfile
from pathlib import Path

TEXT = "The heron lands at dusk"
OUT = Path(sys.argv[1]).resolve()


def put(name, data):
    (OUT / name).write_bytes(data if isinstance(data, bytes) else data.encode())


def matrix():
    from vodozemac import Account, AnyOlmMessage, GroupSession, InboundGroupSession

    nora, ivo = Account(), Account()
    ivo.generate_one_time_keys(1)
    one_time = next(iter(ivo.one_time_keys.values()))
    session = nora.create_outbound_session(ivo.curve25519_key, one_time)
    kind, first = session.encrypt(TEXT.encode()).to_parts()
    assert kind == 0
    put("olm-prekey.bin", first)
    inbound, read = ivo.create_inbound_session(nora.curve25519_key, AnyOlmMessage.from_parts(0, first).to_pre_key())
    assert read.decode() == TEXT
    kind, back = inbound.encrypt(TEXT.encode()).to_parts()
    assert kind == 1 and session.decrypt(AnyOlmMessage.from_parts(1, back)).decode() == TEXT
    put("olm-normal.bin", back)
    group = GroupSession()
    reader = InboundGroupSession(group.session_key)
    key = group.session_key.to_base64()
    put("../keys/megolm-session-key.bin", base64.b64decode(key + "=" * (-len(key) % 4)))
    message = group.encrypt(TEXT.encode())
    assert reader.decrypt(message).plaintext.decode() == TEXT
    text = message.to_base64()
    put("megolm.bin", base64.b64decode(text + "=" * (-len(text) % 4)))


def age():
    import pyrage

    identity = pyrage.x25519.Identity.generate()
    sealed = pyrage.encrypt(TEXT.encode(), [identity.to_public()])
    assert pyrage.decrypt(sealed, [identity]).decode() == TEXT
    put("age-x25519.age", sealed)
    put("age-scrypt.age", pyrage.passphrase.encrypt(TEXT.encode(), "harbour light"))
    put("age-armored.txt", pyrage.encrypt(TEXT.encode(), [identity.to_public()], armored=True))


def cose():
    import cbor2
    from pycose.algorithms import A256GCM
    from pycose.headers import IV, Algorithm, KID
    from pycose.keys import SymmetricKey
    from pycose.messages import Enc0Message, EncMessage
    from pycose.messages.recipient import DirectEncryption

    key = SymmetricKey(k=os.urandom(32))
    message = Enc0Message(phdr={Algorithm: A256GCM}, uhdr={IV: os.urandom(12), KID: b"harbour"}, payload=TEXT.encode())
    message.key = key
    put("cose-encrypt0.cbor", message.encode())
    from pycose.algorithms import Direct

    many = EncMessage(phdr={Algorithm: A256GCM}, uhdr={IV: os.urandom(12)}, payload=TEXT.encode(),
                      recipients=[DirectEncryption(phdr={}, uhdr={Algorithm: Direct, KID: b"harbour"})])
    many.key = key
    put("cose-encrypt.cbor", many.encode())
    put("cose-map.cbor", cbor2.dumps({"to": "ivo", "sealed": cbor2.loads(message.encode()), "seq": 7, "app": "heron"}))


def telegram():
    from telethon.tl import types
    from telethon.tl.functions.messages import SendEncryptedRequest

    # The payload of a secret chat: key fingerprint, message key, AES-IGE blocks.
    data = os.urandom(8 + 16 + 96)
    request = SendEncryptedRequest(types.InputEncryptedChat(7, 0x1122334455667788), data, random_id=0x42)
    put("mtproto-secret-send.bin", bytes(request))
    put("mtproto-secret-received.bin", bytes(types.EncryptedMessage(7, None, data, types.EncryptedFileEmpty(), random_id=0x42)))


def gpg():
    with tempfile.TemporaryDirectory() as home:
        def run(*arguments, **more):
            return subprocess.run(["gpg", "--homedir", home, "--batch", "--yes", "--quiet", "--trust-model", "always", *arguments],
                                  check=True, capture_output=True, **more).stdout

        for kind, algorithm in (("rsa", "rsa2048"), ("ecdh", "future-default")):
            run("--passphrase", "", "--quick-generate-key", f"{kind}@heron.example", algorithm, "default", "never")
            if kind == "rsa":
                listing = run("--list-keys", "--with-colons", f"{kind}@heron.example").decode()
                print_of = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr"))
                run("--passphrase", "", "--quick-add-key", print_of, "rsa2048", "encr", "never")
            put(f"openpgp-gpg-{kind}.bin", run("--encrypt", "-r", f"{kind}@heron.example", input=TEXT.encode()))
        put("openpgp-gpg-armored.asc", run("--armor", "--encrypt", "-r", "ecdh@heron.example", input=TEXT.encode()))
        put("openpgp-gpg-symmetric.bin", run("--passphrase", "harbour", "--pinentry-mode", "loopback", "--symmetric", input=TEXT.encode()))
        big = (TEXT + "\n").encode() * 900
        put("openpgp-gpg-partial.bin", run("--compress-level", "0", "--encrypt", "-r", "ecdh@heron.example", input=big))


def cms():
    with tempfile.TemporaryDirectory() as home:
        def run(*arguments):
            return subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=home, input=TEXT.encode()).stdout

        for kind, algorithm in (("rsa", ["rsa:2048"]), ("ec", ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])):
            run("req", "-x509", "-newkey", *algorithm, "-nodes", "-subj", f"/CN={kind}", "-keyout", f"{kind}.key", "-out", f"{kind}.pem")
        put("cms-rsa.der", run("cms", "-encrypt", "-aes256", "-outform", "DER", "rsa.pem"))
        put("cms-ec.der", run("cms", "-encrypt", "-aes128", "-outform", "DER", "-noindef", "ec.pem"))
        put("cms-auth.der", run("cms", "-encrypt", "-aes-256-gcm", "-outform", "DER", "rsa.pem"))
        put("cms-smime.eml", run("cms", "-encrypt", "-aes256", "rsa.pem"))


async def omemo():
    import xml.etree.ElementTree as ET

    import oldmemo
    import oldmemo.etree
    import twomemo
    import twomemo.etree
    from omemo import SessionManager, TrustLevel
    from omemo.storage import Just, Nothing, Storage

    class Memory(Storage):
        def __init__(self):
            super().__init__(True)
            self.kept = {}

        async def _load(self, key):
            return Just(self.kept[key]) if key in self.kept else Nothing()

        async def _store(self, key, value):
            self.kept[key] = value

        async def _delete(self, key):
            self.kept.pop(key, None)

    bundles, lists = {}, {}

    def manager(jid):
        class Manager(SessionManager):
            @staticmethod
            async def _upload_bundle(bundle):
                bundles[(bundle.namespace, jid, bundle.device_id)] = bundle

            @staticmethod
            async def _download_bundle(namespace, bare_jid, device_id):
                return bundles[(namespace, bare_jid, device_id)]

            @staticmethod
            async def _delete_bundle(namespace, device_id):
                bundles.pop((namespace, jid, device_id), None)

            @staticmethod
            async def _upload_device_list(namespace, device_list):
                lists[(namespace, jid)] = device_list

            @staticmethod
            async def _download_device_list(namespace, bare_jid):
                return lists.get((namespace, bare_jid), {})

            async def _evaluate_custom_trust_level(self, device):
                return TrustLevel.TRUSTED

            async def _make_trust_decision(self, undecided, identifier):
                raise AssertionError("trusted already")

            @staticmethod
            async def _send_message(message, bare_jid):
                pass

        return Manager

    for module, name in ((twomemo, "omemo-2"), (oldmemo, "omemo-axolotl")):
        backend = module.Twomemo if module is twomemo else module.Oldmemo
        members = {}
        for jid in ("nora@heron.example", "ivo@heron.example"):
            storage = Memory()
            members[jid] = await manager(jid).create([backend(storage)], storage, jid, None, "undecided")
            await members[jid].after_history_sync()
        nora = members["nora@heron.example"]
        namespace = module.etree.NAMESPACE
        await nora.refresh_device_list(namespace, "ivo@heron.example")
        messages, errors = await nora.encrypt(frozenset({"ivo@heron.example"}), {namespace: TEXT.encode()})
        assert messages, errors
        element = module.etree.serialize_message(next(iter(messages)))
        stanza = ET.Element("{jabber:client}message", {"to": "ivo@heron.example", "type": "chat", "id": "m1"})
        stanza.append(element)
        ET.register_namespace("", namespace)
        plain = ET.tostring(stanza, encoding="unicode")
        # As XMPP clients write it: each namespace where it begins.
        plain = plain.replace('xmlns:ns0="jabber:client" ', "").replace("ns0:message", "message")
        plain = plain.replace(f' xmlns="{namespace}"', "", 1).replace("<message ", '<message xmlns="jabber:client" ', 1)
        plain = plain.replace("<encrypted", f'<encrypted xmlns="{namespace}"', 1)
        ET.fromstring(plain)
        put(f"{name}.xml", plain)
        put(f"{name}.element.xml", plain[plain.index("<encrypted") : plain.index("</message>")])


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for make in (matrix, age, cose, telegram, gpg, cms):
        make()
        print(make.__name__, "made")
    asyncio.run(omemo())
    print("omemo made")
    if len(sys.argv) > 2:
        subprocess.run(["node", str(Path(__file__).with_name("make.mjs")), str(OUT)], check=True, cwd=sys.argv[2])


if __name__ == "__main__":
    main()
