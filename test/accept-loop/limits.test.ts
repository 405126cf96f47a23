import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import { test } from 'node:test';
import { once } from 'node:events';
import type { Connection } from 'listenq';
import * as c from 'listenq/syscalls';
import { inChild } from '../support/child';
import { privateNetwork } from '../support/machine';
import { beginConnect, beginConnects, closeAll, domainOf, portOf } from '../support/sockets';
import { until } from '../support/until';
import { addressOf, blockUntil, fateOf, isOpen, withLoop } from './support';

const skip = privateNetwork();
const LOCAL = { host: '127.0.0.1', backlog: 50 };

test('maxConnections: those beyond it are closed; each close makes room for one', { skip }, async () => {
  await withLoop(LOCAL, { maxConnections: 2 }, async (loop) => {
    const clients = beginConnects(addressOf(loop), 5);
    await until(() => loop.stats().accepted === 5, 'all were accepted');
    assert.deepEqual(
      clients.slice(2).map((fd) => fateOf(fd).then),
      ['end', 'end', 'end'],
    );
    assert.deepEqual([loop.stats().open, loop.stats().refused.maxConnections], [2, 3]);
    const taken = [await loop.accept(), await loop.accept()];
    assert.equal(loop.stats().open, 2, 'taking one makes no room');
    for (const connection of taken) {
      connection.close();
      connection.close();
    }
    assert.equal(loop.stats().open, 0, 'a second close() counts for nothing');
    clients.push(beginConnect(addressOf(loop)));
    const next = await loop.accept();
    assert.deepEqual(next.remoteAddress, c.getsockname(clients[5] as number));
    closeAll([...clients, next]);
  });
});

test('maxConnections: enforced while this thread is blocked', { skip }, async () => {
  await withLoop(LOCAL, { maxConnections: 1 }, async (loop) => {
    const first = beginConnect(addressOf(loop));
    const taken = await loop.accept();
    const second = beginConnect(addressOf(loop));
    assert.deepEqual([fateOf(second).then, isOpen(first)], ['end', true]);
    closeAll([first, second, taken]);
  });
});

for (const [overload, then] of [
  ['reset', 'reset'],
  ['close', 'end'],
] as const) {
  test(`maxConnections 0, overload '${overload}': nobody is let in, each is told so`, { skip }, async () => {
    await withLoop(LOCAL, { maxConnections: 0, overload }, (loop) => {
      const clients = beginConnects(addressOf(loop), 3);
      blockUntil(() => loop.stats().refused.maxConnections === 3, 'all were refused');
      assert.deepEqual(
        clients.map((fd) => fateOf(fd).then),
        [then, then, then],
      );
      closeAll(clients);
    });
  });
}

test(
  'maxConnections: detach() makes room at once, toSocket() when the socket is closed',
  { skip },
  async () => {
    await withLoop(LOCAL, { maxConnections: 5 }, async (loop) => {
      const clients = beginConnects(addressOf(loop), 3);
      const [first, second, third] = [await loop.accept(), await loop.accept(), await loop.accept()];
      const fd = first.detach();
      assert.equal(loop.stats().open, 2);
      const socket = second.toSocket();
      assert.equal(loop.stats().open, 2);
      second.close();
      assert.equal(loop.stats().open, 2, 'the socket has it now');
      socket.destroy();
      await once(socket, 'close');
      assert.equal(loop.stats().open, 1);
      third.reset();
      assert.equal(loop.stats().open, 0);
      closeAll([...clients, fd]);
    });
  },
);

test('maxConnections: a socket whose client ends counts until it is closed', { skip }, async () => {
  await withLoop(LOCAL, { maxConnections: 1 }, async (loop) => {
    const client = beginConnect(addressOf(loop));
    const socket = (await loop.accept()).toSocket();
    const closed = once(socket.resume(), 'close');
    c.close(client);
    await closed;
    assert.equal(loop.stats().open, 0);
  });
});

test('maxConnections: closing after the loop has ended still counts', { skip }, async () => {
  let taken: Connection | undefined;
  let client = -1;
  const ended = await withLoop(LOCAL, { maxConnections: 2 }, async (loop) => {
    client = beginConnect(addressOf(loop));
    taken = await loop.accept();
    return loop;
  });
  assert.equal(ended.stats().open, 1);
  taken?.close();
  assert.equal(ended.stats().open, 0);
  c.close(client);
});

test('maxConnections: a connection that was collected makes room', () => {
  const { result } = inChild(
    async (q, s) => {
      const loop = q.acceptLoop({ host: '127.0.0.1' }, { maxConnections: 1 });
      const to = loop.listeners[0]?.address() as { port: number };
      const client = q.connect({ host: '127.0.0.1', port: to.port });
      await (async () => void (await loop.accept()).fd)();
      const before = loop.stats().open;
      for (let i = 0; i < 200 && loop.stats().open === 1; i++) {
        (globalThis as unknown as { gc: () => void }).gc();
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      const after = loop.stats().open;
      const end = client.recv(1).length;
      await loop.close();
      return { before, after, end, limit: s.getrlimit(s.RLIMIT_NOFILE).soft > 0 };
    },
    { nodeFlags: ['--expose-gc'] },
  );
  assert.deepEqual(result, { before: 1, after: 0, end: 0, limit: true });
});

test('open: undefined without maxConnections, as nobody counts', { skip }, async () => {
  await withLoop(LOCAL, {}, (loop) => assert.equal(loop.stats().open, undefined));
});

/** A client whose own address is `from`. */
function connectFrom(from: string, to: { family: 'IPv4' | 'IPv6'; address: string; port: number }): number {
  const fd = c.socket(domainOf(to), c.SOCK_STREAM | c.SOCK_CLOEXEC);
  c.bind(fd, { family: to.family, address: from, port: 0 });
  c.connect(fd, to);
  return fd;
}

test('blockList, IPv4: a blocked peer is closed at once and never handed over', { skip }, async () => {
  const blockList = new BlockList();
  blockList.addRange('127.0.0.2', '127.0.0.4');
  await withLoop(LOCAL, { blockList }, async (loop) => {
    const to = { family: 'IPv4', address: '127.0.0.1', port: portOf(addressOf(loop)) } as const;
    const clients = ['127.0.0.1', '127.0.0.2', '127.0.0.4', '127.0.0.5'].map((from) => connectFrom(from, to));
    blockUntil(() => loop.stats().accepted === 4, 'all were accepted');
    const taken = [await loop.accept(), await loop.accept()];
    assert.deepEqual(
      taken.map(({ remoteAddress }) => (remoteAddress as { address: string }).address),
      ['127.0.0.1', '127.0.0.5'],
    );
    assert.deepEqual(
      [1, 2].map((index) => fateOf(clients[index] as number).then),
      ['end', 'end'],
    );
    assert.deepEqual([loop.stats().refused.blockList, loop.stats().waiting], [2, 0]);
    closeAll([...clients, ...taken]);
  });
});

test('blockList, IPv6: by subnet', { skip }, async () => {
  const blockList = new BlockList();
  blockList.addSubnet('::', 64, 'ipv6');
  await withLoop({ host: '::1' }, { blockList }, (loop) => {
    const client = beginConnect(addressOf(loop));
    assert.equal(fateOf(client).then, 'end');
    assert.equal(loop.stats().refused.blockList, 1);
    closeAll([client]);
  });
});

test('blockList: an IPv4 rule holds for IPv4 clients of a listener at ::', { skip }, async () => {
  const blockList = new BlockList();
  blockList.addAddress('127.0.0.9');
  await withLoop({ port: 0 }, { blockList }, async (loop) => {
    const to = { family: 'IPv4', address: '127.0.0.1', port: portOf(addressOf(loop)) } as const;
    const [blocked, other] = [connectFrom('127.0.0.9', to), connectFrom('127.0.0.8', to)];
    const taken = await loop.accept();
    assert.deepEqual((taken.remoteAddress as { address: string }).address, '::ffff:127.0.0.8');
    assert.equal(fateOf(blocked).then, 'end');
    closeAll([blocked, other, taken]);
  });
});

test('blockList: rules that are added later hold from then on', { skip }, async () => {
  const blockList = new BlockList();
  await withLoop(LOCAL, { blockList }, async (loop) => {
    const clients = [beginConnect(addressOf(loop))];
    const taken = await loop.accept();
    blockList.addAddress('127.0.0.1');
    clients.push(beginConnect(addressOf(loop)));
    assert.equal(fateOf(clients[1] as number).then, 'end');
    assert.deepEqual([loop.stats().refused.blockList, loop.stats().delivered], [1, 1]);
    closeAll([...clients, taken]);
  });
});

test('blockList, AF_UNIX: no rule names such a peer', { skip }, async () => {
  const blockList = new BlockList();
  blockList.addSubnet('0.0.0.0', 0);
  blockList.addSubnet('::', 0, 'ipv6');
  await withLoop({ path: '\0listenq-blocklist' }, { blockList }, async (loop) => {
    const client = beginConnect(addressOf(loop));
    closeAll([await loop.accept(), client]);
  });
});
