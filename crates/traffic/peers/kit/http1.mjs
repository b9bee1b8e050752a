// An HTTP/1.1 server of Node's, in clear on 8080 and over TLS on 443: http1.mjs ADDRESS CERTIFICATE KEYLOG
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import zlib from 'node:zlib';

const [, , address, certificate, keylog] = process.argv;
const text = 'The bittern booms before dawn. '.repeat(20);
const codings = {
  gzip: zlib.gzipSync, deflate: zlib.deflateSync, br: zlib.brotliCompressSync, raw: zlib.deflateRawSync, identity: (x) => x,
};

function answer(request, response) {
  const body = [];
  request.on('data', (piece) => body.push(piece));
  request.on('end', () => {
    const url = new URL(request.url, 'http://chat.example');
    const coding = url.searchParams.get('coding');
    if (url.pathname === '/nothing') {
      response.writeHead(204, { 'X-Note': 'no content' });
      response.end();
    } else if (url.pathname === '/same') {
      response.writeHead(304, { ETag: '"heron"', 'Content-Length': '620' });
      response.end();
    } else if (url.pathname === '/hints') {
      response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
      response.writeProcessing();
      response.end('The grebe dives after the hints');
    } else if (url.pathname === '/trailers') {
      response.writeHead(200, { 'Content-Type': 'text/plain', Trailer: 'X-Digest' });
      for (const word of 'The egret waits by the weir'.split(/(?<= )/)) response.write(word);
      response.addTrailers({ 'X-Digest': 'reed-bank-digest' });
      response.end();
    } else if (url.pathname === '/old') {
      response.sendDate = false;
      response.useChunkedEncodingByDefault = false;
      response.shouldKeepAlive = false;
      response.writeHead(200, { 'Content-Type': 'text/plain', Connection: 'close' });
      response.end('The crane ends with the connection');
    } else if (coding) {
      const sent = codings[coding](Buffer.from(`${coding}: ${text}`));
      response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Encoding': coding === 'raw' ? 'deflate' : coding });
      const half = sent.length >> 1;
      response.write(sent.subarray(0, half));
      response.end(sent.subarray(half));
    } else {
      const sent = JSON.stringify({ stored: Buffer.concat(body).length });
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': sent.length, 'Set-Cookie': 'sid=fen-causeway-86; Path=/' });
      response.end(sent);
    }
  });
}

// CONNECT: whatever is asked for, as a proxy's.
function tunnel(request, socket, head) {
  const [host, port] = request.url.split(':');
  const onward = net.connect(Number(port), host, () => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    if (head.length) onward.write(head);
    socket.pipe(onward).pipe(socket);
  });
  onward.on('error', () => socket.destroy());
  socket.on('error', () => onward.destroy());
}

const clear = http.createServer(answer).on('connect', tunnel).listen(8080, address);
const secret = fs.readFileSync(certificate);
const sealed = https.createServer({ key: secret, cert: secret }, answer).listen(443, address);
sealed.on('keylog', (line) => fs.appendFileSync(keylog, line));
clear.on('listening', () => process.stdout.write('ready\n'));
