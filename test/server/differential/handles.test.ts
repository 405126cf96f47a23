import { once } from 'node:events';
import * as fs from 'node:fs';
import * as net from 'node:net';
import * as c from 'listenq/syscalls';
import { differential } from './support/differential';
import { closed, firstOf, listenWith, turns, until, type Stage } from './support/stage';

/** A bound handle as Node makes it; a number says why not. Exported by every Node here, and in no documentation. */
const createHandle = (net as unknown as Record<string, unknown>)['_createServerHandle'] as (
  address: string,
  port: number,
  family: number,
) => unknown;

const LOOPBACK = { family: 'IPv4', address: '127.0.0.1', port: 0 } as const;

/** What a number stands for; a number that is closed is soon somebody else's. */
function inodeOf(fd: number): number | undefined {
  try {
    return fs.fstatSync(fd).ino;
  } catch {
    return undefined;
  }
}

/** Listens, connects where that worked, closes; and says whether the descriptor is open after each. */
async function adopts(stage: Stage, fd: number, ...more: unknown[]): Promise<void> {
  const { log } = stage;
  const inode = inodeOf(fd);
  const isOpen = (): boolean => inode !== undefined && inodeOf(fd) === inode;
  const server = stage.watched();
  log.attempt('listen', () => listenWith(server, { fd }, ...more) === server);
  log.note('at once', server.listening, isOpen());
  log.marks('listen');
  await firstOf(server, 'listening', 'error');
  await turns();
  const address = server.address();
  if (address !== null && typeof address === 'object' && 'port' in address) {
    log.name(address.port, 'chosen');
    await Promise.all([once(server, 'connection'), stage.connected(address.port)]);
  }
  log.note('then', server.listening, isOpen(), address);
  stage.release();
  if (server.listening) await closed(server);
  log.note('in the end', server.listening, isOpen());
  if (isOpen()) c.close(fd);
}

/** Descriptors that can be listened on. */
const GOOD: Record<string, (stage: Stage) => number> = {
  'a TCP socket that is bound': () => {
    const fd = c.socket(c.AF_INET, c.SOCK_STREAM);
    c.bind(fd, LOOPBACK);
    return fd;
  },
  'a TCP socket that listens': () => {
    const fd = c.socket(c.AF_INET, c.SOCK_STREAM);
    c.bind(fd, LOOPBACK);
    c.listen(fd, 5);
    return fd;
  },
  'a TCP socket that is not bound': () => c.socket(c.AF_INET, c.SOCK_STREAM),
  'a TCP socket of IPv6': () => c.socket(c.AF_INET6, c.SOCK_STREAM | c.SOCK_NONBLOCK | c.SOCK_CLOEXEC),
  'a Unix-domain socket that is bound': (stage) => {
    const fd = c.socket(c.AF_UNIX, c.SOCK_STREAM);
    c.bind(fd, { family: 'unix', path: stage.path() });
    return fd;
  },
};

/** Descriptors that can't. */
const BAD: Record<string, (stage: Stage) => number> = {
  'a file': (stage) => fs.openSync(stage.path('file'), 'w'),
  '/dev/null': () => fs.openSync('/dev/null', 'r'),
  'a folder': (stage) => fs.openSync(stage.folder, 'r'),
  'a number of nothing': () => 65_000,
  'a huge number': () => 2 ** 31 - 1,
  'a number beyond int': () => 2 ** 33 + 5,
  'a UDP socket': () => c.socket(c.AF_INET, c.SOCK_DGRAM),
  'a Unix-domain datagram socket': () => c.socket(c.AF_UNIX, c.SOCK_DGRAM),
  'a sequenced-packet socket': () => c.socket(c.AF_UNIX, c.SOCK_SEQPACKET),
  'a Unix-domain socket that is not bound': () => c.socket(c.AF_UNIX, c.SOCK_STREAM),
  'a connected pair': () => {
    const [one, other] = c.socketpair(c.AF_UNIX, c.SOCK_STREAM);
    c.close(other);
    return one;
  },
};

for (const [name, make] of Object.entries(GOOD))
  differential(`listen({ fd }): ${name}`, (stage) => adopts(stage, make(stage)));

for (const [name, make] of Object.entries(BAD))
  differential(`listen({ fd }): ${name} is refused`, (stage) => adopts(stage, make(stage)));

differential('listen({ fd }): with a backlog, a callback, an exclusive', async (stage) => {
  const make = GOOD['a TCP socket that is bound'] as (stage: Stage) => number;
  await adopts(stage, make(stage), 5);
  await adopts(stage, make(stage), () => stage.log.note('callback'));
  await adopts(stage, make(stage), 5, () => stage.log.note('callback'));
});

differential('listen({ fd }): before a port, a path and a host', async (stage) => {
  const { log } = stage;
  const fd = (GOOD['a TCP socket that is bound'] as (stage: Stage) => number)(stage);
  const { port } = c.getsockname(fd) as { port: number };
  log.name(port, 'bound');
  const server = stage.watched();
  listenWith(server, { fd, port: 9, path: stage.path(), host: 'nobody.invalid' });
  await once(server, 'listening');
  log.note('address', server.address());
  await closed(server);
});

differential('listen({ fd }): a client that queues before it is accepted', async (stage) => {
  const { log } = stage;
  const fd = (GOOD['a TCP socket that listens'] as (stage: Stage) => number)(stage);
  const { port } = c.getsockname(fd) as { port: number };
  await stage.connected(port);
  await stage.connected(port);
  const server = stage.watched();
  server.listen({ fd });
  let seen = 0;
  server.on('connection', () => seen++);
  await until(() => seen === 2);
  log.note('seen', seen);
  stage.release();
  await closed(server);
});

for (const name of ['the handle', 'handle', '_handle'])
  differential(`listen(handle): given as ${name}`, async (stage) => {
    const { log } = stage;
    const handle = createHandle('127.0.0.1', 0, 4);
    const server = stage.watched();
    const given = name === 'the handle' ? handle : { [name]: handle };
    log.attempt('listen', () => listenWith(server, given, 7, () => log.note('callback')) === server);
    log.note('at once', server.listening);
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    await Promise.all([once(server, 'connection'), stage.connected(port)]);
    stage.release();
    await closed(server);
    log.note('closed', server.listening);
    log.attempt('again', () => server.listen(0, '127.0.0.1') === server);
    await once(server, 'listening');
    await closed(server);
  });

differential('listen(server): takes the connections of the other one over', async (stage) => {
  const { log } = stage;
  const first = stage.createServer();
  log.events('first', first, 'connection', 'error', 'close');
  const port = await stage.listening(first);
  const second = stage.watched();
  log.attempt('listen', () => listenWith(second, first) === second);
  log.note('listening', first.listening, second.listening, second.address());
  await firstOf(second, 'listening', 'error');
  await Promise.all([once(second, 'connection'), stage.connected(port)]);
  stage.release();
  await closed(second);
  log.note('then', second.listening, first.listening);
  await closed(first);
  log.note('then', second.listening, first.listening);
});

differential('listen(server): an ordinary net.Server, whose handle it takes', async (stage) => {
  const { log } = stage;
  const first = stage.own(net.createServer());
  const port = await stage.listening(first);
  const second = stage.watched();
  log.attempt('listen', () => listenWith(second, { handle: first }) === second);
  log.attempt('listen', () => listenWith(second, first) === second);
  await firstOf(second, 'listening', 'error');
  await Promise.all([once(second, 'connection'), stage.connected(port)]);
  stage.release();
  await closed(second);
  first.close();
});

differential('listen(socket): a connected one is refused', async (stage) => {
  const { log } = stage;
  const first = stage.createServer();
  const port = await stage.listening(first);
  const [socket] = await Promise.all([stage.connected(port), once(first, 'connection')]);
  const server = stage.watched();
  log.attempt('listen', () => listenWith(server, socket) === server);
  log.note('at once', server.listening);
  await firstOf(server, 'listening', 'error');
  log.note('then', server.listening);
});
