// One member of an MLS group (RFC 9420, ts-mls), told what to do by lines of JSON on its standard input. Run in a folder
// whose node_modules hold ts-mls and @noble/hashes; see README.md.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const require = createRequire(new URL('x.js', pathToFileURL(process.cwd() + '/')));
const M = await import(pathToFileURL(require.resolve('ts-mls')).href);
const impl = await M.getCiphersuiteImpl(M.getCiphersuiteFromName('MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519'));
const bytes = text => new Uint8Array(Buffer.from(text, 'base64'));
const text = data => Buffer.from(data).toString('base64');
const wire = (wireformat, field, value) => text(M.encodeMlsMessage({ [field]: value, wireformat, version: 'mls10' }));
const read = data => M.decodeMlsMessage(bytes(data), 0)[0];
let own, group;

const does = {
  async start({ name }) {
    const credential = { credentialType: 'basic', identity: new TextEncoder().encode(name) };
    own = await M.generateKeyPackage(credential, M.defaultCapabilities(), M.defaultLifetime, [], impl);
    return wire('mls_key_package', 'keyPackage', own.publicPackage);
  },
  async found({ group: name, members }) {
    group = await M.createGroup(new TextEncoder().encode(name), own.publicPackage, own.privatePackage, [], impl);
    const extraProposals = members.map(member => ({ proposalType: 'add', add: { keyPackage: read(member).keyPackage } }));
    const commit = await M.createCommit({ state: group, cipherSuite: impl }, { extraProposals, ratchetTreeExtension: true });
    group = commit.newState;
    return wire('mls_welcome', 'welcome', commit.welcome);
  },
  async join({ welcome }) {
    group = await M.joinGroup(read(welcome).welcome, own.publicPackage, own.privatePackage, M.emptyPskIndex, impl);
    return true;
  },
  async seal({ content }) {
    const made = await M.createApplicationMessage(group, new TextEncoder().encode(content), impl);
    group = made.newState;
    return wire('mls_private_message', 'privateMessage', made.privateMessage);
  },
  async open({ message }) {
    const got = await M.processPrivateMessage(group, read(message).privateMessage, M.emptyPskIndex, impl);
    group = got.newState;
    return new TextDecoder().decode(got.message);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  process.stdout.write(JSON.stringify(await does[order.do](order)) + '\n');
}
