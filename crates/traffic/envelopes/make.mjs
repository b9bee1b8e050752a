// End-to-end envelopes made by implementations for Node: libsignal, ts-mls, jose, openpgp.js.
// Called by make.py. `npm install @signalapp/libsignal-client@0.103.0 ts-mls @noble/hashes @noble/curves jose openpgp`, then `node make.mjs OUT` beside node_modules.
import { createRequire } from 'node:module';
import { mkdirSync, writeFileSync } from 'node:fs';
import { randomUUID, webcrypto } from 'node:crypto';
import { pathToFileURL } from 'node:url';

const out = process.argv[2];
mkdirSync(out, { recursive: true });
const root = pathToFileURL(process.cwd() + '/');
const require = createRequire(new URL('x.js', root));
const load = async name => {
  try { return require(name); } catch { return import(import.meta.resolve ? require.resolve(name) : name); }
};
const put = (name, bytes) => writeFileSync(`${out}/${name}`, bytes);
const text = new TextEncoder().encode('The heron lands at dusk');

async function signal() {
  const S = await load('@signalapp/libsignal-client');
  const maps = () => new Map();
  class Sessions extends S.SessionStore {
    m = maps();
    async saveSession(a, r) { this.m.set(a.toString(), r); }
    async getSession(a) { return this.m.get(a.toString()) ?? null; }
    async getExistingSessions(as) { return as.map(a => this.m.get(a.toString())); }
  }
  class Identities extends S.IdentityKeyStore {
    key = S.PrivateKey.generate(); m = maps(); id = 4711;
    async getIdentityKey() { return this.key; }
    async getLocalRegistrationId() { return this.id; }
    async saveIdentity(a, k) { this.m.set(a.toString(), k); return 0; }
    async isTrustedIdentity() { return true; }
    async getIdentity(a) { return this.m.get(a.toString()) ?? null; }
  }
  class Pre extends S.PreKeyStore {
    m = maps();
    async savePreKey(i, r) { this.m.set(i, r); }
    async getPreKey(i) { return this.m.get(i); }
    async removePreKey(i) { this.m.delete(i); }
  }
  class Signed extends S.SignedPreKeyStore {
    m = maps();
    async saveSignedPreKey(i, r) { this.m.set(i, r); }
    async getSignedPreKey(i) { return this.m.get(i); }
  }
  class Kyber extends S.KyberPreKeyStore {
    m = maps();
    async saveKyberPreKey(i, r) { this.m.set(i, r); }
    async getKyberPreKey(i) { return this.m.get(i); }
    async markKyberPreKeyUsed() {}
  }
  class Senders extends S.SenderKeyStore {
    m = maps();
    async saveSenderKey(a, d, r) { this.m.set(a.toString() + d, r); }
    async getSenderKey(a, d) { return this.m.get(a.toString() + d) ?? null; }
  }
  const a = S.ProtocolAddress.new('9d0652a3-dcc3-4d11-975f-74d61598733f', 1);
  const b = S.ProtocolAddress.new('796abedb-ca4e-4f18-8803-1fde5b921f9f', 1);
  const as = { s: new Sessions(), i: new Identities() };
  const bs = { s: new Sessions(), i: new Identities(), p: new Pre(), sp: new Signed(), k: new Kyber() };
  const pre = S.PrivateKey.generate(), signed = S.PrivateKey.generate(), kem = S.KEMKeyPair.generate();
  const bk = await bs.i.getIdentityKey();
  const sig = bk.sign(signed.getPublicKey().serialize()), ksig = bk.sign(kem.getPublicKey().serialize());
  await bs.p.savePreKey(31337, S.PreKeyRecord.new(31337, pre.getPublicKey(), pre));
  await bs.sp.saveSignedPreKey(22, S.SignedPreKeyRecord.new(22, 42, signed.getPublicKey(), signed, sig));
  await bs.k.saveKyberPreKey(777, S.KyberPreKeyRecord.new(777, 42, kem, ksig));
  const bundle = S.PreKeyBundle.new(1, 1, 31337, pre.getPublicKey(), 22, signed.getPublicKey(), sig,
    bk.getPublicKey(), 777, kem.getPublicKey(), ksig);
  const now = new Date(1793600000000);
  await S.processPreKeyBundle(bundle, b, a, as.s, as.i, now);
  const first = await S.signalEncrypt(text, b, a, as.s, as.i, now);
  put('signal-prekey.bin', first.serialize());
  const read = await S.signalDecryptPreKey(S.PreKeySignalMessage.deserialize(first.serialize()), a, b, bs.s, bs.i, bs.p, bs.sp, bs.k);
  if (Buffer.compare(Buffer.from(read), Buffer.from(text))) throw new Error('not what was sent');
  const back = await S.signalEncrypt(text, a, b, bs.s, bs.i, now);
  put('signal-message.bin', back.serialize());
  const senders = new Senders(), group = randomUUID();
  const distribution = await S.SenderKeyDistributionMessage.create(a, group, senders);
  put('signal-sender-key-distribution.bin', distribution.serialize());
  put('signal-sender-key.bin', (await S.groupEncrypt(a, group, senders, text)).serialize());
}

async function mls() {
  const M = await load('ts-mls');
  const impl = await M.getCiphersuiteImpl(M.getCiphersuiteFromName('MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519'));
  const member = name => M.generateKeyPackage({ credentialType: 'basic', identity: new TextEncoder().encode(name) },
    M.defaultCapabilities(), M.defaultLifetime, [], impl);
  const alice = await member('alice'), bob = await member('bob');
  let group = await M.createGroup(new TextEncoder().encode('harbour'), alice.publicPackage, alice.privatePackage, [], impl);
  const wire = (wireformat, field, value) => M.encodeMlsMessage({ [field]: value, wireformat, version: 'mls10' });
  put('mls-key-package.bin', wire('mls_key_package', 'keyPackage', bob.publicPackage));
  const add = { proposalType: 'add', add: { keyPackage: bob.publicPackage } };
  const commit = await M.createCommit({ state: group, cipherSuite: impl }, { extraProposals: [add], wireAsPublicMessage: true });
  put('mls-public.bin', M.encodeMlsMessage(commit.commit));
  put('mls-welcome.bin', wire('mls_welcome', 'welcome', commit.welcome));
  const bobs = await M.joinGroup(commit.welcome, bob.publicPackage, bob.privatePackage, M.emptyPskIndex, impl, commit.newState.ratchetTree);
  const made = await M.createApplicationMessage(commit.newState, text, impl);
  put('mls-private.bin', wire('mls_private_message', 'privateMessage', made.privateMessage));
  const read = await M.processPrivateMessage(bobs, made.privateMessage, M.emptyPskIndex, impl);
  if (Buffer.compare(Buffer.from(read.message), Buffer.from(text))) throw new Error('not what was sent');
}

async function jose() {
  const J = await load('jose');
  const { publicKey } = await J.generateKeyPair('RSA-OAEP-256');
  const ec = await J.generateKeyPair('ECDH-ES+A256KW');
  put('jwe-compact-rsa.txt', await new J.CompactEncrypt(text).setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM' }).encrypt(publicKey));
  put('jwe-compact-dir.txt', await new J.CompactEncrypt(text).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).encrypt(webcrypto.getRandomValues(new Uint8Array(32))));
  put('jwe-compact-cbc.txt', await new J.CompactEncrypt(text).setProtectedHeader({ alg: 'ECDH-ES+A256KW', enc: 'A256CBC-HS512' }).encrypt(ec.publicKey));
  const flat = await new J.FlattenedEncrypt(text).setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM' }).encrypt(publicKey);
  put('jwe-flattened.json', JSON.stringify(flat));
  const general = await new J.GeneralEncrypt(text).setProtectedHeader({ enc: 'A256GCM' })
    .addRecipient(publicKey).setUnprotectedHeader({ alg: 'RSA-OAEP-256' })
    .addRecipient(ec.publicKey).setUnprotectedHeader({ alg: 'ECDH-ES+A256KW' }).encrypt();
  put('jwe-general.json', JSON.stringify({ note: 'sealed', msg: general }));
}

async function pgp() {
  const P = await load('openpgp');
  const { publicKey } = await P.generateKey({ userIDs: [{ name: 'Heron' }], format: 'object' });
  const message = await P.createMessage({ text: 'The heron lands at dusk' });
  const config = { aeadProtect: true, preferredAEADAlgorithm: P.enums.aead.gcm };
  put('openpgp-seipd-v1.bin', await P.encrypt({ message, encryptionKeys: publicKey, format: 'binary' }));
  put('openpgp-armored.asc', await P.encrypt({ message: await P.createMessage({ text: 'The heron lands at dusk' }), encryptionKeys: publicKey }));
  const v6 = await P.generateKey({ userIDs: [{ name: 'Heron' }], format: 'object', config: { v6Keys: true, aeadProtect: true } });
  put('openpgp-seipd-v2.bin', await P.encrypt({ message: await P.createMessage({ text: 'The heron lands at dusk' }), encryptionKeys: v6.publicKey, format: 'binary', config }));
}

for (const [name, make] of Object.entries({ signal, mls, jose, pgp })) {
  try { await make(); console.log(name, 'made'); } catch (error) { console.log(name, 'FAILED', error); process.exitCode = 1; }
}
