import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inChild } from '../support/child';

test('listen: descriptor 0 is a listener like any other', () => {
  const { result } = inChild((q, s) => {
    s.close(0);
    const listener = q.listen({ host: '127.0.0.1', backlog: 2 });
    const seen: unknown[] = [listener.fd, listener.closed, listener.queue().limit, listener.tryAccept()];
    const copy = q.Listener.from(listener.share());
    const { port } = listener.address() as { port: number };
    const client = q.connect({ host: '127.0.0.1', port });
    const server = listener.accept();
    server.sendAll('ok');
    seen.push(client.recv(2).toString(), copy.closed);
    for (const thing of [client, server]) thing.close();
    seen.push(s.poll([{ fd: 0, events: s.POLLIN }], 0).length);
    listener.close();
    seen.push(copy.closed, s.poll([{ fd: 0, events: 0, revents: 0 }], 0)[0]?.revents === s.POLLNVAL);
    return seen;
  });
  assert.deepEqual(result, [0, false, 2, null, 'ok', false, 0, true, true]);
});

test('accept: a connection on descriptor 0', () => {
  const { result } = inChild((q, s) => {
    const listener = q.listen({ host: '127.0.0.1' });
    const { port } = listener.address() as { port: number };
    const clients = [1, 2, 3].map(() => q.connect({ host: '127.0.0.1', port }));
    s.close(0);
    const seen: unknown[] = [];
    for (const take of [
      () => listener.accept(),
      () => listener.acceptMany(1)[0],
      () => listener.tryAccept(),
    ]) {
      const server = take();
      if (server === undefined || server === null) throw new Error('none');
      seen.push(server.fd, server.closed, server.tcpInfo().state);
      server.close();
      seen.push(server.closed);
    }
    for (const client of clients) seen.push(client.recv(1).length);
    return seen;
  });
  const one = [0, false, 'ESTABLISHED', true];
  assert.deepEqual(result, [...one, ...one, ...one, 0, 0, 0]);
});

test('connect, dup, from, detach: descriptor 0', () => {
  const { result } = inChild((q, s) => {
    const listener = q.listen({ path: '\0listenq-zero' });
    s.close(0);
    const connection = q.connect({ path: '\0listenq-zero' });
    const seen: unknown[] = [connection.fd, connection.send('x')];
    const copy = connection.dup();
    seen.push(connection.detach(), connection.closed, q.Connection.from(0).fd === 0);
    copy.close();
    seen.push(s.getsockname(0));
    listener.close();
    return seen;
  });
  assert.deepEqual(result, [0, 1, 0, true, true, { family: 'unix', path: '' }]);
});

test('listen({ fd: 0 }), toSocket, and a leak of descriptor 0', () => {
  const { result } = inChild(
    async (q, s) => {
      // The first stream of a process has libuv open a descriptor for itself: not this one.
      process.stdout.cork();
      s.close(0);
      const made = s.socket(s.AF_INET, s.SOCK_STREAM);
      const listener = q.listen({ fd: 0, backlog: 1 });
      const seen: unknown[] = [made, listener.fd];
      listener.close();
      const [a, b] = s.socketpair(s.AF_UNIX, s.SOCK_STREAM);
      const socket = q.Connection.from(a).toSocket();
      socket.end('by node');
      const peer = q.Connection.from(b);
      seen.push(a, peer.recv(10).toString());
      peer.close();
      socket.resume();
      await new Promise((resolve) => socket.once('close', resolve));
      (() => {
        const [c] = s.socketpair(s.AF_UNIX, s.SOCK_STREAM);
        seen.push(q.Connection.from(c).fd);
      })();
      const isOpen = (): boolean => s.poll([{ fd: 0, events: 0, revents: 0 }], 0)[0]?.revents !== s.POLLNVAL;
      for (let i = 0; i < 100 && isOpen(); i++) {
        (globalThis.gc as () => void)();
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      return [...seen, isOpen()];
    },
    { nodeFlags: ['--expose-gc'] },
  );
  assert.deepEqual(result, [0, 0, 0, 'by node', 0, false]);
});
