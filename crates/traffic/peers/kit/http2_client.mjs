// Requests of Node's HTTP/2 client on one connection: http2_client.mjs URL AUTHORITY_FILE KEYLOG
import fs from 'node:fs';
import http2 from 'node:http2';

const [, , url, ca, keylog] = process.argv;
const session = http2.connect(url, { ca: fs.readFileSync(ca), servername: 'chat.example' });
session.socket.on('keylog', (line) => fs.appendFileSync(keylog, line));

function ask(headers, pieces = []) {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':authority': 'chat.example', ...headers }, { endStream: pieces.length === 0 });
    stream.on('error', reject);
    stream.on('end', resolve);
    stream.resume();
    if (pieces.length) {
      for (const piece of pieces) stream.write(piece);
      stream.end();
    }
  });
}

await Promise.all([
  ask({ ':method': 'POST', ':path': '/messages?node=1', 'content-type': 'application/json' }, ['{"to":"bob","text":"The sand', 'piper runs ahead"}']),
  ask({ ':method': 'GET', ':path': '/inbox', cookie: ['sid=eel-trap-64', 'theme=reed'], 'accept-encoding': 'gzip' }),
  ask({ ':method': 'POST', ':path': '/messages?node=2', 'content-type': 'application/json' }, ['{"to":"bob","text":"The sandpiper turns back"}']),
]);
session.close();
