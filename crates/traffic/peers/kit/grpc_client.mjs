// gRPC of grpc-js, which is its own implementation: grpc_client.mjs HOST:PORT AUTHORITY_FILE (--tls-keylog=FILE)
import fs from 'node:fs';
import path from 'node:path';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const [, , target, ca] = process.argv;
const { chat } = grpc.loadPackageDefinition(loader.loadSync(path.join(import.meta.dirname, 'chat.proto')));
const client = new chat.Chat(target, grpc.credentials.createSsl(fs.readFileSync(ca)), {
  'grpc.default_compression_algorithm': 2, 'grpc.ssl_target_name_override': 'chat.example', 'grpc.default_authority': 'chat.example',
});
const metadata = new grpc.Metadata();
metadata.set('authorization', 'Bearer willow-weir-41');
metadata.set('trace-bin', Buffer.from('sand martin'));
await new Promise((resolve, reject) => client.Send({ to: 'bob', text: 'The sandpiper runs '.repeat(6), number: 1 }, metadata, (error, note) => (error ? reject(error) : resolve(note))));
await new Promise((resolve, reject) => {
  const call = client.Talk(metadata);
  call.on('data', () => {});
  call.on('error', reject);
  call.on('end', resolve);
  for (let n = 0; n < 3; n++) call.write({ to: 'bob', text: `The wagtail says ${n}`, number: n, padding: Buffer.alloc(20000, 'reed ') });
  call.end();
});
client.close();
