import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, listen, type InternetAddress } from 'listenq';
import { destroySocket, listeners } from 'listenq/kernel';
import { inChild } from '../support/child';
import { anyOf, needsRoot, needsTool, openDescriptors, privateNetwork } from '../support/machine';
import { beginConnects, closeAll, isConnected, portOf } from '../support/sockets';

const skip = anyOf(privateNetwork(), needsRoot());

for (const host of ['127.0.0.1', '::1']) {
  test(
    `destroySocket: a connection at ${host}: its owner's recv is ECONNABORTED, its peer's ECONNRESET`,
    { skip },
    () => {
      const listener = listen({ host });
      const client = connect({ host, port: portOf(listener.address()) });
      const server = listener.accept();
      destroySocket(client as { localAddress: InternetAddress; remoteAddress: InternetAddress });
      assert.throws(() => client.recv(1, { timeoutMs: 1000 }), { code: 'ECONNABORTED' });
      assert.throws(() => server.recv(1, { timeoutMs: 1000 }), { code: 'ECONNRESET' });
      assert.equal(openDescriptors().includes(client.fd), true, 'the descriptor is still its owner’s');
      closeAll([client, server, listener]);
    },
  );
}

test('destroySocket: a listener stops: it is not listed, and who comes is refused', { skip }, () => {
  const listener = listen({ host: '127.0.0.1' });
  const other = listen({ host: '127.0.0.1' });
  const address = listener.address();
  const [queued] = beginConnects(address, 1) as [number];
  const [found] = listeners({ port: portOf(address) });
  assert.ok(found !== undefined);
  destroySocket(found);
  assert.deepEqual(listeners({ port: portOf(address) }), []);
  assert.throws(() => listener.accept({ timeoutMs: 100 }), { code: 'EINVAL' });
  assert.throws(() => connect({ host: '127.0.0.1', port: portOf(address) }), { code: 'ECONNREFUSED' });
  assert.equal(isConnected(queued), false);
  assert.equal(listeners({ port: portOf(other.address()) }).length, 1);
  closeAll([queued, listener, other]);
});

test(
  'destroySocket: the cookie of a socket that is gone does not hit the next one at its address',
  { skip },
  () => {
    const first = listen({ host: '127.0.0.1' });
    const port = portOf(first.address());
    const [gone] = listeners({ port });
    first.close();
    const second = listen({ host: '127.0.0.1', port });
    assert.ok(gone !== undefined);
    assert.throws(
      () => {
        destroySocket(gone);
      },
      { code: 'ENOENT' },
    );
    assert.equal(listeners({ port }).length, 1);
    second.close();
  },
);

test('destroySocket: nobody there is ENOENT, with the address', { skip }, () => {
  const localAddress: InternetAddress = { family: 'IPv4', address: '127.0.0.1', port: 9 };
  assert.throws(
    () => {
      destroySocket({ localAddress });
    },
    { code: 'ENOENT', address: '127.0.0.1', port: 9 },
  );
});

test('destroySocket: without CAP_NET_ADMIN it is EPERM', { skip: anyOf(skip, needsTool('setpriv')) }, () => {
  const listener = listen({ host: '127.0.0.1' });
  const { result } = inChild<string>(
    (_, __, localAddress: InternetAddress) => {
      const kernel = require('listenq/kernel') as typeof import('listenq/kernel');
      try {
        kernel.destroySocket({ localAddress });
        return 'destroyed';
      } catch (error) {
        return (error as Error).message;
      }
    },
    { under: ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin'], data: listener.address() },
  );
  assert.match(result, /^sock_diag EPERM: .*CAP_NET_ADMIN/);
  assert.equal(listeners().length, 1);
  listener.close();
});

test(
  'destroySocket: of a connection that has ended it is ENOENT, and the listener behind it goes on',
  { skip },
  () => {
    const listener = listen({ host: '127.0.0.1' });
    const client = connect({ host: '127.0.0.1', port: portOf(listener.address()) });
    const accepted = listener.accept();
    const ends = { localAddress: accepted.localAddress, remoteAddress: accepted.remoteAddress };
    client.reset();
    assert.throws(() => accepted.recv(1, { timeoutMs: 1000 }), { code: 'ECONNRESET' });
    accepted.close();
    assert.throws(
      () => {
        destroySocket(ends as { localAddress: InternetAddress; remoteAddress: InternetAddress });
      },
      { code: 'ENOENT' },
    );
    assert.equal(listeners({ port: portOf(listener.address()) }).length, 1);
    listener.close();
  },
);

test('destroySocket: one address does not stand for a listener at all of them', { skip }, () => {
  const listener = listen({ host: '0.0.0.0' });
  const port = portOf(listener.address());
  assert.throws(
    () => {
      destroySocket({ localAddress: { family: 'IPv4', address: '127.0.0.1', port } });
    },
    { code: 'ENOENT' },
  );
  assert.equal(listeners({ port }).length, 1);
  destroySocket({ localAddress: { family: 'IPv4', address: '0.0.0.0', port } });
  assert.deepEqual(listeners({ port }), []);
  listener.close();
});

const local = { family: 'IPv4', address: '127.0.0.1', port: 80 };
for (const [socket, code] of [
  [undefined, 'ERR_INVALID_ARG_TYPE'],
  [{}, 'ERR_INVALID_ARG_TYPE'],
  [{ localAddress: { family: 'unix', path: '/x' } }, 'ERR_INVALID_ARG_VALUE'],
  [{ protocol: 'unix', address: { family: 'unix', path: '/x' } }, 'ERR_INVALID_ARG_VALUE'],
  [{ localAddress: { ...local, port: -1 } }, 'ERR_SOCKET_BAD_PORT'],
  [{ localAddress: { ...local, address: 'localhost' } }, 'ERR_INVALID_ARG_VALUE'],
  [{ localAddress: local, cookie: 'zz' }, 'ERR_INVALID_ARG_VALUE'],
  [{ localAddress: local, cookie: '' }, 'ERR_INVALID_ARG_VALUE'],
  [{ localAddress: local, interface: '' }, 'ERR_INVALID_ARG_VALUE'],
  [{ localAddress: local, remoteAdress: local }, 'ERR_INVALID_ARG_VALUE'],
  [
    { localAddress: local, remoteAddress: { ...local, family: 'IPv6', address: '::1' } },
    'ERR_INVALID_ARG_VALUE',
  ],
  [{ protocol: 'mptcp', address: local }, 'ERR_INVALID_ARG_VALUE'],
  [{ localAddress: local, cookie: 5 }, 'ERR_INVALID_ARG_TYPE'],
  [{ localAddress: local, interface: 5 }, 'ERR_INVALID_ARG_TYPE'],
  [{ localAddress: local, interface: 'no-such-one' }, 'ENODEV'],
] as const) {
  test(`destroySocket: ${JSON.stringify(socket)} is refused with ${code}`, () => {
    assert.throws(
      () => {
        destroySocket(socket as never);
      },
      { code },
    );
  });
}
