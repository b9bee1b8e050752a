// gRPC-Web of two clients: grpc_web_client.mjs ORIGIN DESCRIPTORS AUTHORITY_FILE|-
// Google's in both its formats where there is no authority, Connect's where there is one.
import fs from 'node:fs';
import { createFileRegistry, create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

const [, , origin, descriptors, ca] = process.argv;
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, fs.readFileSync(descriptors)));
const Note = registry.getMessage('chat.Note');

if (ca === '-') {
  globalThis.XMLHttpRequest = (await import('xhr2')).default;
  const { default: web } = await import('grpc-web');
  const encode = (note) => toBinary(Note, note);
  const decode = (bytes) => fromBinary(Note, bytes);
  for (const [format, text] of [['text', 'The teal writes in base64'], ['binary', 'The teal writes in binary']]) {
    const client = new web.GrpcWebClientBase({ format });
    const method = (name, kind) => new web.MethodDescriptor(`/chat.Chat/${name}`, kind, Object, Object, encode, decode);
    const note = (n) => create(Note, { to: 'bob', text: `${text} ${n}`, number: n });
    const send = method('Send', web.MethodType.UNARY);
    await client.unaryCall(`${origin}/chat.Chat/Send`, note(1), { 'x-token': 'eel-trap-64' }, send);
    if (format === 'text') {
      const history = method('History', web.MethodType.SERVER_STREAMING);
      await new Promise((resolve, reject) => {
        const stream = client.serverStreaming(`${origin}/chat.Chat/History`, note(2), {}, history);
        stream.on('data', () => {});
        stream.on('error', reject);
        stream.on('end', resolve);
      });
    }
  }
} else {
  const { createClient } = await import('@connectrpc/connect');
  const { createGrpcWebTransport, compressionGzip } = await import('@connectrpc/connect-node');
  for (const httpVersion of ['1.1', '2']) {
    const transport = createGrpcWebTransport({
      baseUrl: origin, httpVersion, nodeOptions: { ca: fs.readFileSync(ca), servername: 'chat.example' },
    });
    const client = createClient(registry.getService('chat.Chat'), transport);
    await client.send({ to: 'bob', text: `The crane connects by ${httpVersion}`, number: 1 });
    for await (const note of client.history({ to: 'bob', text: `The crane remembers by ${httpVersion}`, number: 5 })) void note;
  }
}
