import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import * as net from 'node:net';
import { listen } from 'listenq';
import * as c from 'listenq/syscalls';
import { needsTool, openDescriptors } from '../support/machine';
import { withTcp, withUnix } from '../support/pair';
import { startPython } from '../support/python';

test('toSocket: a net.Socket that echoes to python3', { skip: needsTool('python3') }, async () => {
  const listener = listen({ host: '127.0.0.1' });
  const program = `
import socket, sys
peer = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
peer.sendall(b'echo me' * 20000)
peer.shutdown(socket.SHUT_WR)
got = b''
while chunk := peer.recv(65536):
    got += chunk
print(got == b'echo me' * 20000)`;
  const peer = startPython(program, (listener.address() as { port: number }).port);
  const connection = listener.accept();
  const { fd } = connection;
  const { remoteAddress } = connection;
  const socket = connection.toSocket({ allowHalfOpen: true });
  assert.ok(socket instanceof net.Socket);
  assert.deepEqual([connection.closed, connection.fd], [true, -1]);
  assert.equal(socket.remotePort, (remoteAddress as { port: number }).port);
  assert.throws(() => connection.recv(1), { code: 'ERR_CONNECTION_CLOSED' });
  socket.pipe(socket);
  assert.equal(await peer.output, 'True');
  if (!socket.destroyed) await once(socket, 'close');
  assert.throws(() => c.getsockname(fd), { code: 'EBADF' });
  listener.close();
});

test('toSocket: bytes that recvExactly held come first', async () => {
  await withTcp(async (client, server) => {
    client.sendAll('abc');
    assert.throws(() => server.recvExactly(9, { timeoutMs: 50 }), { code: 'ETIMEDOUT' });
    client.sendAll('def');
    client.shutdown('write');
    const socket = server.toSocket();
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    await once(socket, 'end');
    assert.equal(text, 'abcdef');
    socket.destroy();
    await once(socket, 'close');
  });
});

test('toSocket: a Unix-domain stream too', async () => {
  await withUnix(async (a, b) => {
    const socket = a.toSocket();
    socket.end('from node');
    assert.equal(b.setTimeout(5000).recv(20).toString(), 'from node');
    b.close();
    socket.resume();
    await once(socket, 'close');
  });
});

test('toSocket: seqpacket is refused, and the connection is as before', () => {
  withUnix((a, b) => {
    const before = openDescriptors();
    b.sendAll('one');
    assert.throws(() => a.toSocket(), { name: 'TypeError', code: 'ERR_INVALID_FD_TYPE' });
    assert.equal(a.closed, false);
    assert.deepEqual(openDescriptors(), before);
    assert.equal(a.recv(9).toString(), 'one');
    a.sendAll('two');
    assert.equal(b.recv(9).toString(), 'two');
  }, c.SOCK_SEQPACKET);
});
