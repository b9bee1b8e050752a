// WebSockets over HTTP/2 (RFC 8441), of Node's own HTTP/2 with ws's frames: websocket.mjs ADDRESS CERTIFICATE
// and ws's client over HTTP/1.1 when an URL stands in the place of the certificate.
import fs from 'node:fs';
import http2 from 'node:http2';
import WebSocket from 'ws';

const [, , address, certificate, ca] = process.argv;

if (certificate.startsWith('ws')) {
  const socket = new WebSocket(certificate, { ca: ca && fs.readFileSync(ca), servername: 'chat.example', headers: { Host: 'chat.example' }, perMessageDeflate: { threshold: 0 } });
  await new Promise((resolve) => socket.on('open', resolve));
  let left = 4;
  const heard = new Promise((resolve) => socket.on('message', () => --left || resolve()));
  socket.send('The sandpiper runs ahead of the wave');
  socket.send('The sandpiper runs ', { fin: false });
  socket.ping('are you there');
  socket.send('back from the wave', { fin: true });
  socket.send(Buffer.from('The sandpiper in binary'), { binary: true });
  socket.send('The sandpiper uncompressed', { compress: false });
  await heard;
  socket.close(1000, 'good night');
  await new Promise((resolve) => socket.on('close', resolve));
} else {
  const secret = fs.readFileSync(certificate);
  const server = http2.createSecureServer({ key: secret, cert: secret, settings: { enableConnectProtocol: true } });
  server.on('stream', (stream, headers) => {
    if (headers[':method'] !== 'CONNECT' || headers[':protocol'] !== 'websocket') {
      stream.respond({ ':status': 404 });
      stream.end();
      return;
    }
    stream.respond({ ':status': 200 });
    const socket = new WebSocket(null, undefined, {});
    stream.setNoDelay = () => {};
    socket.setSocket(stream, Buffer.alloc(0), { maxPayload: 1 << 20, skipUTF8Validation: false, allowSynchronousEvents: true });
    socket._isServer = true;
    socket.on('message', (data, binary) => socket.send(binary ? data : `heard: ${data}`));
  });
  await new Promise((resolve) => server.listen(443, address, resolve));
  const session = http2.connect(`https://${address}`, { ca: fs.readFileSync(ca), servername: 'chat.example' });
  await new Promise((resolve) => session.on('remoteSettings', resolve));
  const stream = session.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/chat?h2', ':authority': 'chat.example', 'sec-websocket-version': '13' }, { endStream: false });
  await new Promise((resolve) => stream.on('response', resolve));
  stream.setNoDelay = () => {};
  const socket = new WebSocket(null, undefined, {});
  socket._isServer = false;
  socket.setSocket(stream, Buffer.alloc(0), { maxPayload: 1 << 20, skipUTF8Validation: false, allowSynchronousEvents: true });
  let left = 2;
  const heard = new Promise((resolve) => socket.on('message', () => --left || resolve()));
  socket.send('The crane crosses in a stream');
  socket.send('The crane crosses again');
  await heard;
  socket.close(1000);
  await new Promise((resolve) => setTimeout(resolve, 200));
  session.close();
  server.close();
  setTimeout(() => process.exit(0), 200);
}
