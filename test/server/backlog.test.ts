import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as fs from 'node:fs';
import type * as net from 'node:net';
import * as path from 'node:path';
import { test } from 'node:test';
import { queueOf } from 'listenq/kernel';
import { createServer, type Server } from 'listenq/server';
import * as c from 'listenq/syscalls';
import { needsTool, privateNetwork, setSysctl, temporaryFolder } from '../support/machine';
import { inodeOf } from '../support/sockets';
import { ssListeners } from '../support/ss';

const alone = privateNetwork();
const folder = temporaryFolder();
const SOMAXCONN = Number(fs.readFileSync('/proc/sys/net/core/somaxconn', 'utf8'));
const BACKLOGS = [0, 1, -1, 5, 128, 511, 65_536, 2 ** 31 - 1, -(2 ** 31)];
const PORT = 18_411;
const HOST = '127.0.0.1';

/** What the kernel makes of a backlog: it compares without sign. */
const limitOf = (backlog: number): number => Math.min(backlog >>> 0, SOMAXCONN);

const ACCEPT_LOOPS = { 'with the accept thread': true, 'acceptLoop: false': false };

interface Way {
  /** The arguments of the i-th of several servers that listen at once. */
  args: (backlog: number, i: number) => unknown[];
  kind: 't' | 'x';
}

/** Each place of listen() in which a backlog may stand. */
const WAYS: Record<string, Way> = {
  'as an option beside the port': { args: (backlog) => [{ port: 0, host: HOST, backlog }], kind: 't' },
  'as an option, with no host': { args: (backlog) => [{ port: 0, backlog }], kind: 't' },
  'as an option, exclusive': {
    args: (backlog) => [{ port: 0, host: HOST, backlog, exclusive: true }],
    kind: 't',
  },
  'as an option as a string': {
    args: (backlog) => [{ port: 0, host: HOST, backlog: String(backlog) }],
    kind: 't',
  },
  'behind the port': { args: (backlog, i) => [PORT + i, backlog], kind: 't' },
  'behind the host': { args: (backlog, i) => [PORT + i, HOST, backlog], kind: 't' },
  'behind a host that is looked up': { args: (backlog, i) => [PORT + i, 'localhost', backlog], kind: 't' },
  'behind no host': { args: (backlog, i) => [PORT + i, undefined, backlog], kind: 't' },
  'before a callback': { args: (backlog, i) => [PORT + i, HOST, backlog, () => undefined], kind: 't' },
  'as an option beside the path': { args: (backlog, i) => [{ path: place(i), backlog }], kind: 'x' },
  'behind the path': { args: (backlog, i) => [place(i), backlog], kind: 'x' },
  'behind an abstract path': { args: (backlog, i) => [`\0listenq-backlog-${i}`, backlog], kind: 'x' },
  'as an option beside a bound descriptor': {
    args: (backlog) => [{ fd: boundSocket(), backlog }],
    kind: 't',
  },
  'behind a bound descriptor': { args: (backlog) => [{ fd: boundSocket() }, backlog], kind: 't' },
  'as an option beside a listening descriptor': {
    args: (backlog) => [{ fd: socketThatListens(7), backlog }],
    kind: 't',
  },
  'behind a listening descriptor': { args: (backlog) => [{ fd: socketThatListens(7) }, backlog], kind: 't' },
};

const place = (i = 0): string => path.join(folder, `s${i}`);

function boundSocket(): number {
  const fd = c.socket(c.AF_INET, c.SOCK_STREAM | c.SOCK_CLOEXEC);
  c.bind(fd, { family: 'IPv4', address: HOST, port: 0 });
  return fd;
}

function socketThatListens(backlog: number): number {
  const fd = boundSocket();
  c.listen(fd, backlog);
  return fd;
}

/** `server.listen`, without TypeScript's opinion. */
function listenWith(server: Server, args: unknown[]): void {
  (server.listen as (...args: unknown[]) => void).apply(server, args);
}

async function listening(acceptLoop: boolean, args: unknown[]): Promise<Server> {
  const server = createServer({ acceptLoop });
  listenWith(server, args);
  await once(server, 'listening');
  return server;
}

async function closed(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}

/** The limit of a server that listens with these arguments. */
async function limitOnce(acceptLoop: boolean, args: unknown[]): Promise<number> {
  const server = await listening(acceptLoop, args);
  const { limit } = queueOf(server);
  await closed(server);
  return limit;
}

/** The limits as ss prints them, which knows nothing of this package. */
function limitsInSs(servers: net.Server[], kind: 't' | 'x'): (number | undefined)[] {
  const listeners = ssListeners(kind);
  return servers.map((server) => {
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
    return listeners.get(inodeOf(fd))?.sendQ;
  });
}

for (const [loop, acceptLoop] of Object.entries(ACCEPT_LOOPS))
  for (const [way, { args, kind }] of Object.entries(WAYS))
    test(
      `listen: a backlog ${way}, ${loop}: the kernel's limit is as asked, 0 and -1 included`,
      { skip: needsTool('ss') },
      async () => {
        const servers = await Promise.all(
          BACKLOGS.map((backlog, i) => listening(acceptLoop, args(backlog, i))),
        );
        assert.deepEqual(
          servers.map((server) => queueOf(server).limit),
          BACKLOGS.map(limitOf),
        );
        assert.deepEqual(limitsInSs(servers, kind), BACKLOGS.map(limitOf), 'as ss says');
        await Promise.all(servers.map(closed));
      },
    );

for (const [loop, acceptLoop] of Object.entries(ACCEPT_LOOPS)) {
  test(`listen: with no backlog it is 511, ${loop}`, async () => {
    for (const backlog of [undefined, null])
      for (const args of [
        [],
        [{ port: 0, backlog }],
        [0, backlog],
        [0, HOST, backlog],
        [{ path: place(), backlog }],
        [place(), backlog],
        [{ fd: boundSocket() }],
        [{ fd: socketThatListens(7) }],
      ])
        assert.equal(await limitOnce(acceptLoop, args), Math.min(511, SOMAXCONN));
  });

  test(`listen: each call has a backlog of its own, ${loop}`, async () => {
    const server = createServer({ acceptLoop });
    for (const [backlog, limit] of [
      [0, 0],
      [undefined, Math.min(511, SOMAXCONN)],
      [3, 3],
      [null, Math.min(511, SOMAXCONN)],
    ]) {
      listenWith(server, [{ port: 0, host: HOST, backlog }]);
      await once(server, 'listening');
      assert.equal(queueOf(server).limit, limit);
      await closed(server);
    }
  });

  test(`listen: a backlog that no int32 is is refused, and nothing listens, ${loop}`, async () => {
    const refused: [unknown, string][] = [
      ...[2 ** 31, -(2 ** 31) - 1, 1.5, NaN, Infinity].map((value): [unknown, string] => [
        value,
        'ERR_OUT_OF_RANGE',
      ]),
      ...[true, {}, [3], 1n, 'x', ''].map((value): [unknown, string] => [value, 'ERR_INVALID_ARG_TYPE']),
    ];
    for (const [backlog, code] of refused)
      for (const args of [
        [{ port: 0, host: HOST, backlog }],
        [{ path: place(), backlog }],
        [{ fd: 0, backlog }],
      ]) {
        const server = createServer({ acceptLoop });
        assert.throws(() => listenWith(server, args), { code });
        assert.equal(server.listening, false);
        assert.equal(server.address(), null);
      }
    for (const backlog of [2 ** 31, 1.5, NaN]) {
      const server = createServer({ acceptLoop });
      assert.throws(() => listenWith(server, [0, backlog]), { code: 'ERR_OUT_OF_RANGE' });
      assert.throws(() => listenWith(server, [0, HOST, backlog]), { code: 'ERR_OUT_OF_RANGE' });
      assert.throws(() => listenWith(server, [place(), backlog]), { code: 'ERR_OUT_OF_RANGE' });
      listenWith(server, [0, HOST, 0]);
      await once(server, 'listening');
      assert.equal(queueOf(server).limit, 0, 'it listens all the same, when asked rightly');
      server.close();
    }
    assert.equal(fs.existsSync(place()), false);
  });
}

test('listen: with no backlog a small somaxconn caps 511', { skip: alone }, async (t) => {
  t.after(() => setSysctl('net.core.somaxconn', SOMAXCONN));
  setSysctl('net.core.somaxconn', 17);
  for (const acceptLoop of [true, false]) assert.equal(await limitOnce(acceptLoop, [0, HOST]), 17);
});
