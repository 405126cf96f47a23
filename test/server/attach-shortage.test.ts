import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inChild, type Package, type Syscalls } from '../support/child';

/** What five clients that wait while no descriptor is left see and get. */
interface Seen {
  events: string[];
  /** What 'drop' and 'connection' said meanwhile. */
  meanwhile: number;
  queued: number;
  heard: string[];
}

/** The same program for both servers; it runs in a process of its own, and names nothing outside itself. */
async function atTheLimit(_: unknown, s: Syscalls, attached: boolean): Promise<Seen> {
  const http = require('node:http') as typeof import('node:http');
  const { attach, acceptLoopOf } = require('listenq/server') as typeof import('listenq/server');
  const { queueOf } = require('listenq/kernel') as typeof import('listenq/kernel');
  const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  const read = (fd: number): string => {
    const buffer = Buffer.alloc(4096);
    try {
      return buffer.toString('latin1', 0, s.recv(fd, buffer)).split('\r\n')[0] ?? '';
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? '';
    }
  };
  let connections = 0;
  const server = http.createServer((_request, response) => response.end('served'));
  server.on('connection', () => connections++);
  const events: string[] = [];
  server.on('shortage', ({ code }: NodeJS.ErrnoException) => events.push(String(code)));
  if (attached) attach(server, { port: 0, host: '127.0.0.1' });
  else server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const connect = (): number => {
    const fd = s.socket(s.AF_INET, s.SOCK_STREAM);
    s.connect(fd, { family: 'IPv4', address: '127.0.0.1', port });
    s.send(fd, Buffer.from('GET / HTTP/1.1\r\nHost: here\r\n\r\n'));
    return fd;
  };
  // One that is served, so that all that the server needs has been opened.
  const first = connect();
  while (connections < 1) await sleep(5);
  await sleep(20);
  acceptLoopOf(server)?.pause();
  const clients = Array.from({ length: 5 }, connect);
  const free = s.socket(s.AF_INET, s.SOCK_STREAM);
  s.close(free);
  const { soft, hard } = s.getrlimit(s.RLIMIT_NOFILE);
  s.setrlimit(s.RLIMIT_NOFILE, { soft: free, hard });
  acceptLoopOf(server)?.resume();
  await sleep(300);
  const [meanwhile, queued] = [connections - 1, queueOf(server).length];
  s.setrlimit(s.RLIMIT_NOFILE, { soft, hard });
  await sleep(300);
  const heard = clients.map(read);
  for (const fd of [first, ...clients]) s.close(fd);
  server.close();
  return { events, meanwhile, queued, heard };
}

test("attach: at EMFILE there is one 'shortage', the kernel keeps who waits, and all are served afterwards", () => {
  const { result } = inChild<Seen>(atTheLimit, { data: true });
  assert.deepEqual(result, {
    events: ['EMFILE'],
    meanwhile: 0,
    queued: 5,
    heard: Array.from({ length: 5 }, () => 'HTTP/1.1 200 OK'),
  });
});

test('beside it: a plain server at EMFILE closes all who wait, unread, without a word', () => {
  const { result } = inChild<Seen>(atTheLimit, { data: false });
  assert.deepEqual(result, {
    events: [],
    meanwhile: 0,
    queued: 0,
    heard: Array.from({ length: 5 }, () => 'ECONNRESET'),
  });
});

test("attach: a 'shortage' that nobody listens to is a process warning", () => {
  const { stderr } = inChild(async (_, s) => {
    const net = require('node:net') as typeof import('node:net');
    const { attach } = require('listenq/server') as typeof import('listenq/server');
    const server = net.createServer();
    attach(server, { port: 0, host: '127.0.0.1' });
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const connect = (): number => {
      const fd = s.socket(s.AF_INET, s.SOCK_STREAM);
      s.connect(fd, { family: 'IPv4', address: '127.0.0.1', port });
      return fd;
    };
    connect();
    await new Promise((resolve) => server.once('connection', resolve));
    const waiting = s.socket(s.AF_INET, s.SOCK_STREAM);
    const free = s.socket(s.AF_INET, s.SOCK_STREAM);
    s.close(free);
    const { soft, hard } = s.getrlimit(s.RLIMIT_NOFILE);
    s.setrlimit(s.RLIMIT_NOFILE, { soft: free, hard });
    s.connect(waiting, { family: 'IPv4', address: '127.0.0.1', port });
    await new Promise((resolve) => process.once('warning', resolve));
    s.setrlimit(s.RLIMIT_NOFILE, { soft, hard });
    await new Promise((resolve) => server.once('connection', resolve));
    process.nextTick(() => process.exit());
  });
  assert.match(stderr, /\[LISTENQ_SHORTAGE\] ListenqShortageWarning: .*EMFILE/);
});

/** How servers that cannot listen for want of a descriptor say so, and how many sockets they leave open. */
interface Refusal {
  codes: unknown[];
  left: number;
  listeners: boolean[];
}

async function withoutDescriptors(q: Package, s: Syscalls): Promise<Refusal> {
  const net = require('node:net') as typeof import('node:net');
  const fs = require('node:fs') as typeof import('node:fs');
  const { attach } = require('listenq/server') as typeof import('listenq/server');
  const where = { port: 0, host: '127.0.0.1' };
  const given = q.listen(where);
  const sockets = (): number =>
    fs.readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
      } catch {
        return false; // The one that looks.
      }
    }).length;
  const before = sockets();
  const { soft, hard } = s.getrlimit(s.RLIMIT_NOFILE);
  const codes: unknown[] = [];
  const listeners: boolean[] = [];
  for (const place of [{ ...where, receiveBuffer: 65536 }, given]) {
    for (let room = 0; room < 4; room++) {
      const free = s.socket(s.AF_INET, s.SOCK_STREAM);
      s.close(free);
      s.setrlimit(s.RLIMIT_NOFILE, { soft: free + room, hard });
      const server = net.createServer();
      const refused = new Promise((resolve) => server.once('error', resolve));
      attach(server, place);
      codes.push(((await refused) as NodeJS.ErrnoException).code);
      listeners.push(server.listening);
      s.setrlimit(s.RLIMIT_NOFILE, { soft, hard });
    }
  }
  // Handles are closed in a later turn of the event loop.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const left = sockets() - before;
  listeners.push(given.closed);
  given.close();
  return { codes, left, listeners };
}

test('attach: no descriptor left, at any step: emitted, nothing stays open, and a Listener is as before', () => {
  const { result } = inChild<Refusal>(withoutDescriptors);
  assert.deepEqual(result, {
    codes: Array.from({ length: 8 }, () => 'EMFILE'),
    left: 0,
    listeners: Array.from({ length: 9 }, () => false),
  });
});
