// Connect's server, for HTTP/1.1 and HTTP/2 over TLS: connect_server.mjs ADDRESS CERTIFICATE DESCRIPTORS
import fs from 'node:fs';
import http2 from 'node:http2';
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { connectNodeAdapter } from '@connectrpc/connect-node';

const [, , address, certificate, descriptors] = process.argv;
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, fs.readFileSync(descriptors)));
const heard = (note) => ({ to: 'ann', text: `heard: ${note.text}`.padEnd(1500, '.'), number: note.number + 1 });

const handler = connectNodeAdapter({
  routes(router) {
    router.service(registry.getService('chat.Chat'), {
      send: heard,
      async *history(note) {
        for (let n = 0; n < 3; n++) yield (note = heard(note));
      },
    });
  },
});
const secret = fs.readFileSync(certificate);
http2.createSecureServer({ key: secret, cert: secret, allowHTTP1: true }, handler).listen(443, address, () => process.stdout.write('ready\n'));
