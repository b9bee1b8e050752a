// Requests of Node's HTTP/1.1 client: one connection, a chunked body with trailers, an informational answer; and of
// undici's, which sends the next before the answer to the last one came.
import http from 'node:http';
import { Client } from 'undici';

const [, , address] = process.argv;
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function ask(method, path, headers, pieces, trailers) {
  return new Promise((resolve) => {
    const request = http.request({ host: address, port: 8080, method, path, agent, headers: { Host: 'chat.example', ...headers } });
    request.on('response', (response) => {
      response.resume();
      response.on('end', resolve);
    });
    for (const piece of pieces) request.write(piece);
    if (trailers) request.addTrailers(trailers);
    request.end();
  });
}

await ask('POST', '/messages?node=1', { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked', Trailer: 'X-Signed-By' },
  ['{"to":"bob","text":"The sand', 'piper runs ', 'ahead of the wave"}'], { 'X-Signed-By': 'ann-of-the-reeds' });
await ask('GET', '/hints', {}, []);
await ask('OPTIONS', '*', {}, []);
agent.destroy();

const client = new Client(`http://${address}:8080`, { pipelining: 4 });
const headers = { host: 'chat.example', 'content-type': 'application/json' };
await Promise.all(['/messages?pipelined=1', '/nothing', '/page?coding=gzip', '/messages?pipelined=2'].map(async (path) => {
  const body = path.startsWith('/messages') ? '{"to":"bob","text":"The plover does not wait"}' : null;
  const answer = await client.request({ path, method: body ? 'PUT' : 'GET', headers, body, idempotent: true });
  await answer.body.text();
}));
const head = await client.request({ path: '/page?coding=identity', method: 'HEAD', headers });
await head.body.dump();
await client.close();
