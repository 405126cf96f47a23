import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { test } from 'node:test';
import { needsTool } from '../support/machine';
import { python, startExample, startPython } from './support/program';

const skip = needsTool('python3');
const skipIpv6 = fs.existsSync('/proc/net/if_inet6') ? false : 'needs IPv6';

test(
  'bind-errors: a port that python listens on is EADDRINUSE, a foreign address EADDRNOTAVAIL',
  { skip },
  async (t) => {
    const holder = startPython(t, `s = server(); sys.stdin.readline()`);
    const port = await holder.port();
    const output = await startExample(t, 'bind-errors.js', [port]).output();
    const lines = output.trim().split('\n');
    assert.equal(lines[0], `a port that is taken: EADDRINUSE from bind for 127.0.0.1 port ${port}`);
    assert.equal(lines[1], 'an address that is not ours: EADDRNOTAVAIL from bind for 1.2.3.4 port 0');
    assert.match(
      lines[2] as string,
      /^a port below 1024: (ok|(EACCES|EADDRINUSE) from bind for 127\.0\.0\.1 port 1023)$/,
    );
    assert.match(lines[3] as string, /^one address, then all: EADDRINUSE from bind for 0\.0\.0\.0 port \d+$/);
    assert.equal(lines[4], 'the same with SO_REUSEADDR on both: ok');
    assert.equal(lines[5], 'the same with SO_REUSEPORT on both: ok');
    holder.end('\n');
  },
);

test(
  'bind-addresses: python reaches what each address lets it reach',
  { skip: skip || skipIpv6 },
  async (t) => {
    const example = startExample(t, 'bind-addresses.js');
    const any = await example.word(/^INADDR_ANY: listening on 0\.0\.0\.0 port (\d+)$/);
    const loopback = await example.word(/^INADDR_LOOPBACK: listening on 127\.0\.0\.1 port (\d+)$/);
    const broadcast = await example.word(/^INADDR_BROADCAST: listening on 255\.255\.255\.255 port (\d+)$/);
    const localhost = await example.word(/^localhost: listening on (?:127\.0\.0\.1|::1) port (\d+)$/);
    const both = await example.word(/^no host: listening on :: port (\d+)$/);
    const ipv6 = await example.word(/^the IPv6 loopback: listening on ::1 port (\d+)$/);
    const said = await python(
      t,
      `names = ['any', 'loopback', 'broadcast', 'localhost', 'both', 'ipv6']
ports = dict(zip(names, args))
def reach(name, host):
    try: answer = to_end(client(ports[name], host)).decode().split()[-1]
    except OSError as e: answer = errno.errorcode[e.errno]
    print(name, host, answer)
for name in ('any', 'loopback', 'both', 'broadcast'):
    for host in ('127.0.0.1', '127.0.0.2'): reach(name, host)
reach('localhost', 'localhost')
reach('both', '::1')
reach('any', '::1')
reach('ipv6', '::1')
reach('ipv6', '127.0.0.1')`,
      ...[any, loopback, broadcast, localhost, both, ipv6],
    );
    const lines = said.trim().split('\n');
    assert.match(lines.splice(8, 1)[0] as string, /^localhost localhost (127\.0\.0\.1|::1)$/);
    assert.deepEqual(lines, [
      'any 127.0.0.1 127.0.0.1',
      'any 127.0.0.2 127.0.0.2',
      'loopback 127.0.0.1 127.0.0.1',
      'loopback 127.0.0.2 ECONNREFUSED',
      'both 127.0.0.1 ::ffff:127.0.0.1',
      'both 127.0.0.2 ::ffff:127.0.0.2',
      'broadcast 127.0.0.1 ECONNREFUSED',
      'broadcast 127.0.0.2 ECONNREFUSED',
      'both ::1 ::1',
      'any ::1 ECONNREFUSED',
      'ipv6 ::1 ::1',
      'ipv6 127.0.0.1 ECONNREFUSED',
    ]);
  },
);

test('reuse-address: TIME_WAIT keeps the port unless both listeners have the option', { skip }, async (t) => {
  const example = startExample(t, 'reuse-address.js');
  const outcomes = [
    'false before, false after: EADDRINUSE',
    'false before, true after: EADDRINUSE',
    'true before, true after: ok',
  ];
  for (const outcome of outcomes) {
    const said = await python(t, `s = client(args[0]); print(to_end(s)); s.close()`, await example.port());
    assert.equal(said, "b''\n");
    await example.line(new RegExp(`^SO_REUSEADDR ${outcome}$`));
  }
  await example.output();
});

test(
  'four-tuple: one local port, two connections; the same four again is EADDRNOTAVAIL',
  { skip },
  async (t) => {
    const servers = [1, 2].map(() =>
      startPython(t, `s = server(); c, a = s.accept(); print('from', a[1]); to_end(c)`),
    );
    const ports = await Promise.all(servers.map((server) => server.port()));
    const output = await startExample(t, 'four-tuple.js', ports).output();
    const seen = await Promise.all(servers.map((server) => server.word(/^from (\d+)$/)));
    assert.equal(seen[0], seen[1]);
    assert.deepEqual(output.trim().split('\n'), [
      ...ports.map((port) => `127.0.0.1 port ${seen[0]} to 127.0.0.1 port ${port}: ok`),
      `port ${seen[0]} to 127.0.0.1 port ${ports[0]} again: EADDRNOTAVAIL from connect`,
    ]);
  },
);

test(
  'adopted-listener: a listener that python made keeps its backlog and those who wait',
  { skip },
  async (t) => {
    const said = await python(
      t,
      `import subprocess
s = socket.socket()
s.bind(('127.0.0.1', 0))
s.listen(7)
waiting = [client(s.getsockname()[1]) for i in range(2)]
fd = s.fileno()
child = subprocess.Popen([args[0], 'examples/adopted-listener.js', str(fd)], pass_fds=[fd], stdout=subprocess.PIPE)
s.close()
print(to_end(waiting[0]))
out, _ = child.communicate(timeout=20)
print(out.decode().strip())`,
      process.execPath,
    );
    assert.match(said, /^b'from its new owner\\n'\nadopted 127\.0\.0\.1 port \d+: limit 7, 2 waiting\n$/);
  },
);

test('limits: says what python and the kernel say, and what becomes of each backlog', { skip }, async (t) => {
  const told = await python(
    t,
    `read = lambda name: open('/proc/sys/net/' + name).read().strip()
print(os.uname().sysname, os.uname().release, 'on', socket.gethostname())
print(read('core/somaxconn'), read('ipv4/tcp_max_syn_backlog'), socket.SOMAXCONN)`,
  );
  const [machine, numbers] = told.trim().split('\n') as [string, string];
  const [somaxconn, synBacklog, constant] = numbers.split(' ').map(Number) as [number, number, number];
  const lines = (await startExample(t, 'limits.js', [10, 0, -1, 2147483647]).output()).trim().split('\n');
  assert.equal(lines[0], machine);
  assert.equal(lines[1], `net.core.somaxconn is ${somaxconn}`);
  assert.equal(lines[2], `net.ipv4.tcp_max_syn_backlog is ${synBacklog}`);
  const apart = constant === somaxconn ? '' : ', which is something else';
  assert.equal(lines[3], `SOMAXCONN of the C headers is ${constant}${apart}`);
  const held = (backlog: number): number => Math.min(backlog >>> 0, somaxconn);
  const clamped = (backlog: number): number => Math.min(Math.max(backlog, 0), somaxconn);
  assert.deepEqual(
    lines.slice(4, 8),
    [10, 0, -1, 2147483647].map(
      (n) => `listen(${n}) holds ${held(n)}; clamped, listen(${clamped(n)}) holds ${held(clamped(n))}`,
    ),
  );
  const deepest = `${held(constant)} by SOMAXCONN, ${somaxconn} by -1, ${somaxconn} by the sysctl`;
  assert.equal(lines[8], `as deep as allowed: ${deepest}`);
});
