import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as path from 'node:path';
import { test } from 'node:test';
import { inChild, programOf } from '../support/child';
import { needsTool, temporaryFolder } from '../support/machine';
import { activated, freePort } from './activated';

const skip = needsTool('systemd-socket-activate');

test(
  'listenFds: what systemd-socket-activate passes is named, CLOEXEC, and serves the client that waits',
  { skip },
  async () => {
    const [port, folder] = [freePort(), temporaryFolder()];
    const file = path.join(folder, 'socket');
    const args = ['-l', `127.0.0.1:${port}`, '-l', file, '--fdname=web:local'];
    const said = await activated(args, { host: '127.0.0.1', port }, (q) => {
      const fs = require('node:fs') as typeof import('node:fs');
      const taken = q.listenFds();
      const cloexec = taken.map(({ fd }) =>
        /flags:\s*02\d{6}$/m.test(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')),
      );
      const [web, local] = taken.map(({ fd }) => q.listen({ fd }));
      if (web === undefined || local === undefined) throw new Error('two were passed');
      const left = Object.keys(process.env).filter((name) => name.startsWith('LISTEN_'));
      const { length, limit } = web.queue();
      const queue = [length, web.backlog === limit && limit > 0];
      const connection = web.accept({ timeoutMs: 20_000 });
      const found = { taken, cloexec, left, again: q.listenFds(), queue, local: local.address() };
      connection.sendAll(JSON.stringify(found));
      for (const open of [connection, web, local]) open.close();
    });
    assert.deepEqual(JSON.parse(said), {
      taken: [
        { fd: 3, name: 'web' },
        { fd: 4, name: 'local' },
      ],
      cloexec: [true, true],
      left: [],
      again: [],
      queue: [1, true],
      local: { family: 'unix', path: file },
    });
  },
);

test(
  'listenFds: an AF_UNIX socket of systemd-socket-activate, without a name of its own, as a net.Server',
  { skip },
  async () => {
    const file = path.join(temporaryFolder(), 'socket');
    const said = await activated(['-l', file], { path: file }, (q) => {
      const [{ fd, name }] = q.listenFds() as [{ fd: number; name: string }];
      const server = q.listen({ fd }).toServer((socket) => {
        socket.end(JSON.stringify([name, server.address()]));
        server.close();
      });
    });
    assert.deepEqual(JSON.parse(said), ['unknown', file]);
  },
);

test('listenFds: makes a descriptor CLOEXEC that is not', () => {
  const program = programOf((q, s) => {
    const fs = require('node:fs') as typeof import('node:fs');
    const cloexec = (): boolean => /flags:\s*02\d{6}$/m.test(fs.readFileSync('/proc/self/fdinfo/3', 'utf8'));
    // Node has made it CLOEXEC at its start; dup(2) makes a copy that is not, with the lowest free number.
    s.close(3);
    s.dup(1);
    Object.assign(process.env, { LISTEN_PID: process.pid, LISTEN_FDS: 1 });
    const before = cloexec();
    return [before, q.listenFds(), cloexec()];
  }, null);
  const { stdout } = spawnSync(process.execPath, ['-e', program], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit', 'ignore'],
  });
  assert.match(stdout, /\[false,\[\{"fd":3,"name":"unknown"\}\],true\]$/);
});

/** What listenFds gives, or how it refuses, in a process with these variables; `PID` is its own number. */
function outcomeWith(env: Record<string, string>): { outcome: unknown; left: string[] } {
  const { result } = inChild(
    (q, _, given: Record<string, string>) => {
      for (const [name, value] of Object.entries(given))
        process.env[name] = value.replace('PID', String(process.pid));
      const left = (): string[] => Object.keys(process.env).filter((name) => name.startsWith('LISTEN_'));
      try {
        return { outcome: q.listenFds(), left: left() };
      } catch (error) {
        const { code, message } = error as { code: string; message: string };
        return { outcome: `${code}: ${message}`, left: left() };
      }
    },
    { data: env },
  );
  return result;
}

for (const env of [{}, { LISTEN_FDS: '1' }, { LISTEN_PID: 'PID' }, { LISTEN_PID: '1', LISTEN_FDS: 'abc' }]) {
  test(`listenFds: ${JSON.stringify(env)} is not for this process: none, and the variables stay`, () => {
    assert.deepEqual(outcomeWith(env), { outcome: [], left: Object.keys(env) });
  });
}

test('listenFds: LISTEN_FDS=0 is none, and the variables go', () => {
  for (const names of [{}, { LISTEN_FDNAMES: '' }]) {
    const env = { LISTEN_PID: 'PID', LISTEN_FDS: '0', ...names };
    assert.deepEqual(outcomeWith(env), { outcome: [], left: [] });
  }
});

for (const [variables, message] of [
  [{ LISTEN_FDS: 'abc' }, /^ERR_INVALID_LISTEN_FDS: .*LISTEN_FDS must be a whole number.* 'abc'$/],
  [{ LISTEN_FDS: '' }, /^ERR_INVALID_LISTEN_FDS: .*LISTEN_FDS.* ''$/],
  [{ LISTEN_FDS: '-1' }, /^ERR_INVALID_LISTEN_FDS: .* '-1'$/],
  [{ LISTEN_FDS: '1.5' }, /^ERR_INVALID_LISTEN_FDS: .* '1\.5'$/],
  [{ LISTEN_FDS: '2147483645' }, /^ERR_INVALID_LISTEN_FDS: .* '2147483645'$/],
  [
    { LISTEN_FDS: '2147483644', LISTEN_FDNAMES: 'a' },
    /^ERR_INVALID_LISTEN_FDS: .*must have 2147483644 names/,
  ],
  [{ LISTEN_PID: 'x', LISTEN_FDS: '1' }, /^ERR_INVALID_LISTEN_FDS: .*LISTEN_PID must be.* 'x'$/],
  [{ LISTEN_FDS: '1', LISTEN_FDNAMES: 'a:b' }, /^ERR_INVALID_LISTEN_FDS: .*must have 1 names.* 'a:b'$/],
  [{ LISTEN_FDS: '0', LISTEN_FDNAMES: 'a' }, /^ERR_INVALID_LISTEN_FDS: .*must have 0 names.* 'a'$/],
  [{ LISTEN_FDS: '997' }, /^EBADF: fcntl EBADF: .*descriptor \d+ \('unknown'\) of LISTEN_FDS=997$/],
  [{ LISTEN_FDS: '2147483644' }, /^EBADF: fcntl EBADF: .*descriptor \d+ \('unknown'\)/],
] as const) {
  test(`listenFds: ${JSON.stringify(variables)} is refused by name, and the variables stay`, () => {
    const env = { LISTEN_PID: 'PID', ...variables };
    const { outcome, left } = outcomeWith(env);
    assert.match(String(outcome), message);
    assert.deepEqual(left.sort(), Object.keys(env).sort());
  });
}
