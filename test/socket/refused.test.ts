import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, listen, listenDualStack, SystemCallError } from 'listenq';
import { inChild } from '../support/child';
import { needsRoot, openDescriptors, privateNetwork, temporaryFolder } from '../support/machine';

const skip = privateNetwork();
const folder = temporaryFolder();

interface Refusal {
  name: string;
  call: () => unknown;
  expected: { code: string; errno: number; syscall: string; address?: string; port?: number; path?: string };
  shown: string;
}

const TAKEN = { code: 'EADDRINUSE', errno: -98, syscall: 'bind' };
const NOT_HERE = { code: 'EADDRNOTAVAIL', errno: -99, syscall: 'bind' };

/** What the kernel refuses: the code, the call, the place, and what the message shows of it. */
const REFUSALS: Refusal[] = [
  {
    name: 'listen: port taken, IPv4',
    call: () => listen({ host: '127.0.0.1', port: 7001 }),
    expected: { ...TAKEN, address: '127.0.0.1', port: 7001 },
    shown: '127.0.0.1:7001',
  },
  {
    name: 'listen: port taken, all addresses',
    call: () => listen({ port: 7001 }),
    expected: { ...TAKEN, address: '::', port: 7001 },
    shown: '[::]:7001',
  },
  {
    name: 'listenDualStack: port taken',
    call: () => listenDualStack({ port: 7001 }),
    expected: { ...TAKEN, address: '0.0.0.0', port: 7001 },
    shown: '0.0.0.0:7001',
  },
  {
    name: 'listen: abstract name taken',
    call: () => listen({ path: '\0listenq-taken' }),
    expected: { ...TAKEN, path: '\0listenq-taken' },
    shown: '@listenq-taken',
  },
  {
    name: 'listen: address not local, IPv4',
    call: () => listen({ host: '192.0.2.55', port: 80 }),
    expected: { ...NOT_HERE, address: '192.0.2.55', port: 80 },
    shown: '192.0.2.55:80',
  },
  {
    name: 'listen: address not local, IPv6',
    call: () => listen({ host: '2001:db8::55' }),
    expected: { ...NOT_HERE, address: '2001:db8::55', port: 0 },
    shown: '[2001:db8::55]:0',
  },
  {
    name: 'listen: folder of the path missing',
    call: () => listen({ path: `${folder}/missing/s` }),
    expected: { code: 'ENOENT', errno: -2, syscall: 'bind', path: `${folder}/missing/s` },
    shown: `${folder}/missing/s`,
  },
  {
    name: 'connect: refused',
    call: () => connect({ host: '127.0.0.1', port: 7002 }),
    expected: { code: 'ECONNREFUSED', errno: -111, syscall: 'connect', address: '127.0.0.1', port: 7002 },
    shown: '127.0.0.1:7002',
  },
  {
    name: 'connect: from an address that is not local',
    call: () => connect({ host: '127.0.0.1', port: 7001, localAddress: '192.0.2.55' }),
    expected: { ...NOT_HERE, address: '192.0.2.55', port: 0 },
    shown: '192.0.2.55',
  },
  {
    name: 'connect: unreachable',
    call: () => connect({ host: '192.0.2.55', port: 7002 }),
    expected: { code: 'ENETUNREACH', errno: -101, syscall: 'connect', address: '192.0.2.55', port: 7002 },
    shown: '192.0.2.55:7002',
  },
];

for (const { name, call, expected, shown } of REFUSALS) {
  test(`${name}: ${expected.code} of ${expected.syscall}, ${shown}, and no descriptor more`, { skip }, () => {
    const holders = [listen({ host: '127.0.0.1', port: 7001 }), listen({ path: '\0listenq-taken' })];
    const before = openDescriptors();
    assert.throws(call, (error: unknown) => {
      assert.ok(error instanceof SystemCallError && error instanceof Error);
      const { code, errno, syscall, address, port, path } = error;
      assert.deepEqual(
        { code, errno, syscall, address, port, path },
        { address: undefined, port: undefined, path: undefined, ...expected },
      );
      assert.ok(
        error.message.startsWith(`${syscall} ${code}: `) && error.message.includes(shown),
        error.message,
      );
      return true;
    });
    assert.deepEqual(openDescriptors(), before);
    for (const holder of holders) holder.close();
  });
}

const UNKNOWN: [name: string, call: () => unknown, host: string][] = [
  ['listen', () => listen({ host: 'no-such-host.invalid' }), 'no-such-host.invalid'],
  ['listenDualStack', () => listenDualStack({ host: 'no-such-host.invalid' }), 'no-such-host.invalid'],
  ['connect', () => connect({ host: 'no-such-host.invalid', port: 1 }), 'no-such-host.invalid'],
  ['listen, a zone of no interface', () => listen({ host: 'fe80::1%nope0' }), 'fe80::1%nope0'],
];

for (const [name, call, host] of UNKNOWN) {
  test(`${name}: an unknown host is an error as node:dns has it`, { skip }, () => {
    assert.throws(call, (error: unknown) => {
      const { code, syscall, hostname, errno, message } = error as NodeJS.ErrnoException & {
        hostname: string;
      };
      assert.match(code ?? '', /^(ENOTFOUND|EAI_AGAIN)$/);
      assert.deepEqual([syscall, hostname, message], ['getaddrinfo', host, `getaddrinfo ${code} ${host}`]);
      assert.ok([-3008, -3007, -3001].includes(errno as number), String(errno));
      return true;
    });
  });

  test(`${name}: an unknown host leaves no descriptor`, { skip }, () => {
    const before = openDescriptors();
    assert.throws(call);
    assert.deepEqual(openDescriptors(), before);
  });
}

test('listen, connect: names that are found leave no descriptor either', { skip }, () => {
  const before = openDescriptors();
  for (let i = 0; i < 20; i++) {
    const listener = listen({ host: 'localhost' });
    connect({ host: 'localhost', port: (listener.address() as { port: number }).port }).close();
    listener.close();
  }
  assert.deepEqual(openDescriptors(), before);
});

test('listen: no permission for a port or a folder is EACCES with the place', { skip: needsRoot() }, () => {
  const { result } = inChild(
    (q, _, place: string) => {
      process.setuid?.(65534);
      return [
        { host: '127.0.0.1', port: 443 },
        { path: `${place}/s` },
        { path: `${place}/s`, mode: 0o600 },
      ].map((options) => {
        try {
          q.listen(options).close();
          return 'listens';
        } catch (error) {
          const { code, errno, syscall, message } = error as InstanceType<typeof q.SystemCallError>;
          return [code, errno, syscall, message.includes(options.path ?? '127.0.0.1:443')];
        }
      });
    },
    { data: folder },
  );
  const refused = ['EACCES', -13, 'bind', true];
  assert.deepEqual(result, [refused, refused, refused]);
});
