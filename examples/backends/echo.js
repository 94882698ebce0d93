// A WebSocket echo server with nothing but Node: node echo.js PORT (0: any free one).
//
// Each frame goes back as it came, so messages in several frames come back in several frames. What RFC 6455 wants a server
// to refuse (reserved bits, text that is not UTF-8) is not looked at: a real application takes a library.
'use strict';

const { createHash } = require('node:crypto');
const { createServer } = require('node:http');

const CLOSE = 8, PING = 9, PONG = 10;

// The first frame in these bytes: its first byte, its payload without the mask, and what follows; or nothing yet.
function parse(bytes) {
  if (bytes.length < 2) return;
  let length = bytes[1] & 0x7f;
  let at = 2;
  if (length === 126) {
    if (bytes.length < 4) return;
    length = bytes.readUInt16BE(2);
    at = 4;
  } else if (length === 127) {
    if (bytes.length < 10) return;
    length = Number(bytes.readBigUInt64BE(2));
    at = 10;
  }
  const end = at + 4 + length;
  if (bytes.length < end) return;
  const mask = bytes.subarray(at, at + 4);
  const payload = Buffer.from(bytes.subarray(at + 4, end));
  for (let i = 0; i < length; i++) payload[i] ^= mask[i & 3];
  return { first: bytes[0], payload, rest: bytes.subarray(end) };
}

function frame(first, payload) {
  const head = Buffer.alloc(payload.length < 126 ? 2 : payload.length < 65536 ? 4 : 10);
  head[0] = first;
  if (head.length === 2) {
    head[1] = payload.length;
  } else if (head.length === 4) {
    head[1] = 126;
    head.writeUInt16BE(payload.length, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  return Buffer.concat([head, payload]);
}

// Answers all whole frames in these bytes; what is left of them waits for more.
function echo(socket, bytes) {
  for (let got; (got = parse(bytes)); bytes = got.rest) {
    const opcode = got.first & 0x0f;
    if (opcode === CLOSE) {
      socket.end(frame(got.first, got.payload));
      return;
    }
    if (opcode === PING) socket.write(frame(0x80 | PONG, got.payload));
    else if (opcode !== PONG) socket.write(frame(got.first, got.payload));
  }
  return bytes;
}

const server = createServer((request, response) => {
  response.writeHead(426, { Upgrade: 'websocket' }).end('This is a WebSocket.\n');
});

server.on('upgrade', (request, socket, rest) => {
  const accept = createHash('sha1')
    .update(request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11')
    .digest('base64');
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
  socket.setNoDelay();
  socket.on('end', () => socket.end());
  socket.on('error', () => socket.destroy());
  let bytes = echo(socket, rest);
  socket.on('data', (more) => {
    if (socket.writable) bytes = echo(socket, Buffer.concat([bytes, more]));
  });
});

server.listen(Number(process.argv[2]), '127.0.0.1', () => {
  console.log('listening on port', server.address().port);
});
