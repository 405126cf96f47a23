import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, listen, type Connection, type Listener, type ListenOptions } from 'listenq';
import { anyOf, needsRoot, openDescriptors, privateNetwork } from '../support/machine';
import { portOf } from '../support/sockets';

const alone = privateNetwork();
const asRoot = anyOf(alone, needsRoot());

function withAccepted(
  options: ListenOptions,
  prepare: (listener: Listener) => void,
  use: (accepted: Connection, client: Connection) => void,
): void {
  using(listen(options), (listener) => {
    prepare(listener);
    const { address } = listener.address() as { address?: string };
    const client =
      options.path === undefined
        ? connect({ host: address === '::' ? '::1' : (address as string), port: portOf(listener.address()) })
        : connect({ path: options.path });
    using(client, () => {
      using(listener.accept(), (accepted) => {
        use(accepted, client);
      });
    });
  });
}

function using<T extends { close: () => void }>(thing: T, use: (thing: T) => void): void {
  try {
    use(thing);
  } finally {
    thing.close();
  }
}

const timeval = (ms: number): Buffer => {
  const value = Buffer.alloc(16);
  value.writeBigInt64LE(BigInt(Math.floor(ms / 1000)), 0);
  value.writeBigInt64LE(BigInt((ms % 1000) * 1000), 8);
  return value;
};
const linger = (seconds: number): Buffer => Buffer.from(Uint32Array.of(1, seconds).buffer);

/** What is set on the listener, and what the connection then has instead of what. */
const CASES: readonly [
  level: string,
  name: string,
  set: number | Buffer,
  value: number | string,
  usual: number | string,
][] = [
  ['SOL_SOCKET', 'SO_KEEPALIVE', 1, 1, 0],
  ['SOL_SOCKET', 'SO_OOBINLINE', 1, 1, 0],
  ['SOL_SOCKET', 'SO_RCVLOWAT', 7, 7, 1],
  ['SOL_SOCKET', 'SO_MARK', 77, 77, 0],
  ['SOL_SOCKET', 'SO_BUSY_POLL', 50, 50, 0],
  ['SOL_SOCKET', 'SO_RCVBUF', 100_000, 200_000, 'not set'],
  ['SOL_SOCKET', 'SO_SNDBUF', 100_000, 200_000, 'not set'],
  ['SOL_SOCKET', 'SO_LINGER', linger(5), 5, 'off'],
  ['SOL_SOCKET', 'SO_RCVTIMEO', timeval(1200), 1200, 0],
  ['SOL_SOCKET', 'SO_BINDTODEVICE', Buffer.from('lo'), 'lo', ''],
  ['IPPROTO_TCP', 'TCP_NODELAY', 1, 1, 0],
  ['IPPROTO_TCP', 'TCP_KEEPIDLE', 33, 33, 7200],
  ['IPPROTO_TCP', 'TCP_USER_TIMEOUT', 120_001, 120_001, 0],
  ['IPPROTO_TCP', 'TCP_NOTSENT_LOWAT', 5000, 5000, 0],
  ['IPPROTO_TCP', 'TCP_CONGESTION', Buffer.from('reno'), 'reno', 'cubic'],
  ['IPPROTO_IP', 'IP_TOS', 16, 16, 0],
  ['IPPROTO_IP', 'IP_TTL', 9, 9, 64],
];

for (const [level, name, set, value, usual] of CASES) {
  test(
    `inherited: ${name} of the listener is the connection's, and nothing else is`,
    { skip: asRoot },
    () => {
      withAccepted(
        { host: '127.0.0.1', reuseAddress: false },
        (listener) => {
          listener.setOption(level, name, set);
        },
        (accepted) => {
          const found = accepted.inherited();
          // Which congestion control is usual is the machine's to say.
          const expected = name === 'TCP_CONGESTION' ? found[0]?.default : usual;
          assert.deepEqual(found, [{ level, name, value, default: expected }]);
        },
      );
    },
  );
}

for (const [options, expected] of [
  [{ host: '127.0.0.1' }, ['SO_REUSEADDR']],
  // bind(2) to one address sets it: the listener reads 1 as well.
  [{ host: '::1' }, ['SO_REUSEADDR', 'IPV6_V6ONLY']],
  [{}, ['SO_REUSEADDR']],
  [{ path: '\0listenq-inherited' }, []],
] as const) {
  test(
    `inherited: of listen(${JSON.stringify(options)}) what is set unasked: ${expected.join(', ')}`,
    { skip: alone },
    () => {
      withAccepted(
        options,
        () => undefined,
        (accepted, client) => {
          const names = accepted.inherited().map(({ name }) => name);
          assert.deepEqual(names, expected);
          assert.deepEqual(client.inherited(), []);
        },
      );
    },
  );
}

for (const [name, set] of [
  ['SO_PRIORITY', 4],
  ['TCP_DEFER_ACCEPT', 3],
  ['TCP_FASTOPEN', 9],
] as const) {
  test(`inherited: ${name} of the listener is not the connection's`, { skip: alone }, () => {
    withAccepted(
      { host: '127.0.0.1', reuseAddress: false },
      (listener) => {
        listener.setOption(name.startsWith('TCP') ? 'IPPROTO_TCP' : 'SOL_SOCKET', name, set);
      },
      (accepted) => {
        assert.deepEqual(accepted.inherited(), []);
      },
    );
  });
}

test('inherited: opens nothing that stays open', { skip: alone }, () => {
  withAccepted(
    { host: '127.0.0.1' },
    () => undefined,
    (accepted) => {
      const before = openDescriptors();
      for (let i = 0; i < 20; i++) accepted.inherited();
      assert.deepEqual(openDescriptors(), before);
    },
  );
});
