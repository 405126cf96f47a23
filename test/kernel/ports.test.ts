import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { listen } from 'listenq';
import { portAdvice } from 'listenq/kernel';
import * as c from 'listenq/syscalls';
import { inChild } from '../support/child';
import { anyOf, needsRoot, privateNetwork, setSysctl, type Skip } from '../support/machine';
import { descriptorsLeft, portOf, withFd } from '../support/sockets';
import { inWorker } from '../support/worker';

const alone = privateNetwork();

const START = 'net.ipv4.ip_unprivileged_port_start';
const RANGE = 'net.ipv4.ip_local_port_range';
const RESERVED = 'net.ipv4.ip_local_reserved_ports';
const NOBODY: [string, ...string[]] = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];

function mayRun([program, ...args]: readonly [string, ...string[]]): Skip {
  const tried = spawnSync(program, [...args, 'true'], { encoding: 'utf8' });
  return tried.status === 0 ? false : `needs ${program}: ${tried.error?.message ?? tried.stderr.trim()}`;
}

/** The ports that the kernel picks for sockets that ask for none, until it has no more. */
function portsPicked(): number[] {
  const fds: number[] = [];
  try {
    for (;;) {
      const fd = c.socket(c.AF_INET, c.SOCK_STREAM);
      fds.push(fd);
      c.bind(fd, { family: 'IPv4', address: '127.0.0.1', port: 0 });
    }
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'EADDRINUSE');
    return fds
      .slice(0, -1)
      .map((fd) => portOf(c.getsockname(fd)))
      .sort();
  } finally {
    fds.forEach((fd) => c.close(fd));
  }
}

for (const start of [0, 80, 81, 1024, 65535]) {
  test(
    `portAdvice: without rights and with ${START} = ${start}, privileged and mayBind are as bind(2) finds it`,
    { skip: anyOf(alone, needsRoot(), mayRun(NOBODY)) },
    () => {
      setSysctl(RANGE, '65535 65535');
      setSysctl(START, start);
      const { result } = inChild<[number, boolean | undefined, boolean | undefined, boolean, string][]>(
        (_, s) => {
          const kernel = require('listenq/kernel') as typeof import('listenq/kernel');
          return [79, 80, 81, 1023, 1024, 65534].map((port) => {
            const { privileged, mayBind, advice } = kernel.portAdvice(port);
            const fd = s.socket(s.AF_INET, s.SOCK_STREAM);
            let bound = true;
            try {
              s.bind(fd, { family: 'IPv4', address: '127.0.0.1', port });
            } catch (error) {
              if ((error as { code?: string }).code !== 'EACCES') throw error;
              bound = false;
            }
            s.close(fd);
            return [port, privileged, mayBind, bound, advice.join()];
          });
        },
        { under: NOBODY },
      );
      for (const [port, privileged, mayBind, bound, advice] of result) {
        assert.equal(mayBind, bound, `port ${port}`);
        assert.equal(privileged, !bound, `port ${port}`);
        assert.equal(advice.includes(`sysctl -w ${START}=${port}`), !bound, advice);
      }
      setSysctl(START, 1024);
      setSysctl(RANGE, '32768 60999');
    },
  );
}

test(
  'portAdvice: with the capability a port below the start is privileged, and may be bound',
  { skip: anyOf(alone, needsRoot()) },
  () => {
    const { privileged, mayBind, service, advice } = portAdvice(80);
    assert.deepEqual([privileged, mayBind], [true, true]);
    assert.match(advice.join(), /CAP_NET_BIND_SERVICE/);
    listen({ host: '127.0.0.1', port: 80 }).close();
    assert.equal(portAdvice(8081).mayBind, true);
    assert.ok(service === undefined || service === 'http');
  },
);

test(
  'portAdvice: of a port that somebody listens on, mayBind is about the right to it',
  { skip: alone },
  () => {
    const listener = listen({ host: '0.0.0.0', port: 8099, backlog: 1 });
    assert.equal(portAdvice(8099).mayBind, true);
    listener.close();
  },
);

test('portAdvice: leaves no descriptor', () => {
  assert.equal(
    descriptorsLeft(() => {
      for (const port of [0, 80, 8080, 40000]) portAdvice(port);
    }),
    0,
  );
});

test(
  'portAdvice: reserved ports of a narrow range are those that bind(2) to port 0 never gives',
  { skip: alone },
  () => {
    setSysctl(RANGE, '40000 40005');
    setSysctl(RESERVED, '39999,40001,40003-40004');
    const asked = [39998, 39999, 40000, 40001, 40002, 40003, 40004, 40005, 40006].map((port) =>
      portAdvice(port),
    );
    const ports = (keep: (advice: ReturnType<typeof portAdvice>) => boolean): number[] =>
      asked.filter(keep).map(({ port }) => port);
    assert.deepEqual(
      ports(({ reserved }) => reserved === true),
      [39999, 40001, 40003, 40004],
    );
    assert.deepEqual(
      ports(({ ephemeral }) => ephemeral === true),
      [40000, 40001, 40002, 40003, 40004, 40005],
    );
    const free = ports(({ ephemeral, reserved }) => ephemeral === true && reserved === false);
    assert.deepEqual(portsPicked(), free);
    // What the advice says to do, done.
    const line = /sysctl -w (\S+)=(\S+)/.exec(portAdvice(40002).advice.join()) ?? [];
    assert.deepEqual(line.slice(1), [RESERVED, '39999,40001,40003-40004,40002']);
    setSysctl(RESERVED, String(line[2]));
    assert.deepEqual(portsPicked(), [40000, 40005]);
    assert.match(portAdvice(40002).advice.join(), /reserved: no outgoing connection gets it/);
    setSysctl(RESERVED, '\n');
  },
);

test('portAdvice: a reserved port is still had by who asks for it', { skip: alone }, () => {
  setSysctl(RESERVED, '40001');
  assert.equal(portAdvice(40001).reserved, true);
  listen({ host: '127.0.0.1', port: 40001 }).close();
  setSysctl(RESERVED, '\n');
});

test(
  'portAdvice: where the kernel has no port to try with, mayBind says why it is not known',
  { skip: alone },
  () => {
    setSysctl(RANGE, '40000 40000');
    withFd(c.socket(c.AF_INET, c.SOCK_STREAM), (fd) => {
      c.bind(fd, { family: 'IPv4', address: '0.0.0.0', port: 0 });
      const { mayBind, why } = portAdvice(80);
      assert.equal(mayBind, undefined);
      assert.deepEqual(Object.keys(why), ['mayBind']);
      assert.match(String(why['mayBind']), /EADDRINUSE/);
    });
    setSysctl(RANGE, '32768 60999');
  },
);

test('portAdvice: port 0 is no port of its own, and the advice names the range', { skip: alone }, () => {
  setSysctl(RANGE, '41000 41009');
  const { advice, ...facts } = portAdvice(0);
  assert.deepEqual(facts, {
    ...{ port: 0, privileged: false, mayBind: true, ephemeral: false, reserved: false, service: undefined },
    why: {},
  });
  assert.match(advice.join(), /41000 to 41009/);
  setSysctl(RANGE, '32768 60999');
});

test('portAdvice: of the namespace of the calling thread', { skip: alone }, async () => {
  setSysctl(START, 5000);
  const other = inWorker((_, __, ___, { say }) => {
    const { enterPrivateNetwork } = require('listenq/lab') as typeof import('listenq/lab');
    const kernel = require('listenq/kernel') as typeof import('listenq/kernel');
    const inherited = kernel.portAdvice(4999).privileged;
    enterPrivateNetwork();
    say([inherited, kernel.portAdvice(4999).privileged]);
  });
  assert.deepEqual(await other.heard(), [true, false]);
  await other.ended;
  setSysctl(START, 1024);
});

test(
  'portAdvice: without /proc/sys/net and /etc/services, the rest is still told, and why has the reasons',
  { skip: anyOf(needsRoot(), mayRun(['unshare', '-m'])) },
  () => {
    const hide = 'mount -t tmpfs none /proc/sys/net && mount -t tmpfs none /etc && exec "$@"';
    const { result } = inChild<{ given: object; why: Record<string, string> }>(
      () => {
        const kernel = require('listenq/kernel') as typeof import('listenq/kernel');
        const { why, ...given } = kernel.portAdvice(80);
        return { given, why };
      },
      { under: ['unshare', '-m', 'sh', '-c', hide, 'sh'] },
    );
    assert.deepEqual(result.given, { port: 80, mayBind: true, advice: [] });
    assert.deepEqual(Object.keys(result.why).sort(), ['ephemeral', 'privileged', 'reserved', 'service']);
    for (const reason of Object.values(result.why)) assert.match(reason, /ENOENT/);
  },
);

for (const [port, code] of [
  [-1, 'ERR_SOCKET_BAD_PORT'],
  [65536, 'ERR_SOCKET_BAD_PORT'],
  [0.5, 'ERR_SOCKET_BAD_PORT'],
  [NaN, 'ERR_SOCKET_BAD_PORT'],
  ['80', 'ERR_INVALID_ARG_TYPE'],
  [undefined, 'ERR_INVALID_ARG_TYPE'],
] as const) {
  test(`portAdvice: ${inspect(port)} is ${code}`, () => {
    assert.throws(() => portAdvice(port as number), { code });
  });
}
