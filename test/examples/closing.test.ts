import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needsTool } from '../support/machine';
import { python, startExample, startPython } from './support/program';

const skip = needsTool('python3');

test('half-close: what each end can still do after shutting down a direction', { skip }, async (t) => {
  const example = startExample(t, 'half-close.js', [0]);
  const port = await example.port();
  const said = await python(
    t,
    `s = client(args[0])
for i in range(10): s.sendall(b'x' * 10000)
s.shutdown(socket.SHUT_WR)
print(to_end(s))`,
    port,
  );
  assert.equal(said, "b'got 100000 bytes\\n'\n");
  await example.line(/^the whole request: 100000 bytes$/);

  const second = startPython(
    t,
    `s = client(args[0]); sys.stdin.readline(); s.sendall(b'late'); print(to_end(s))`,
    port,
  );
  await example.line(/^after shutdown\('read'\) recv gives 0 bytes, and does not wait$/);
  second.write('\n');
  await example.line(/^what it sent later: late$/);
  assert.equal(await second.output(), "b'we can still write\\n'\n");

  const third = startPython(
    t,
    `s = client(args[0])
print('end of stream:', s.recv(100))
s.sendall(b'early')
sys.stdin.readline()
for i in range(20):
    try: s.sendall(b'late')
    except OSError as e: print(errno.errorcode[e.errno]); break
    time.sleep(0.1)`,
    port,
  );
  await third.line(/^end of stream: b''$/);
  await example.line(/^after shutdown\('write'\) we still read: early$/);
  third.write('\n');
  await third.line(/^(ECONNRESET|EPIPE)$/);
  await example.line(/^after both, what it sent later: ECONNRESET$/);
  await example.output();
});

test('dup-and-shutdown: close ends one copy, shutdown ends the connection', { skip }, async (t) => {
  const example = startExample(t, 'dup-and-shutdown.js', [0]);
  const said = await python(t, `print(to_end(client(args[0])))`, await example.port());
  assert.equal(said, "b'one copy was closed, and here I am\\n'\n");
  const [, first, second] = await example.line(/^descriptors (\d+) and (\d+), one connection$/);
  assert.notEqual(first, second);
  await example.line(/^sending on the other copy: EPIPE$/);
  await example.line(/^receiving on the other copy: 0 bytes$/);
  await example.output();
});

test(
  'descriptor-limit: at EMFILE nobody is lost; after raising the limit all 8 are welcome',
  { skip },
  async (t) => {
    const example = startExample(t, 'descriptor-limit.js', [0, '127.0.0.1', 8]);
    const [, soft, hard] = await example.line(/^soft limit (\d+|Infinity), hard limit (\d+|Infinity)$/);
    assert.ok(Number(soft) <= Number(hard));
    const said = await python(
      t,
      `clients = [client(args[0]) for i in range(8)]
print(*{to_end(s) for s in clients})`,
      await example.port(),
    );
    assert.equal(said, "b'welcome\\n'\n");
    const [, accepted, waiting] = await example.line(/^after (\d+): EMFILE; (\d+) still wait$/);
    assert.ok(Number(accepted) <= 3, accepted);
    assert.equal(Number(accepted) + Number(waiting), 8);
    await example.line(/^after raising it: 8$/);
  },
);

test('forgotten-socket: the collector closes it, and the python client sees the end', { skip }, async (t) => {
  const example = startExample(t, 'forgotten-socket.js', [0], { nodeFlags: ['--expose-gc'] });
  const said = await python(t, `print(to_end(client(args[0])))`, await example.port());
  assert.equal(said, "b'I shall forget you\\n'\n");
  const fd = await example.word(/^forgotten: descriptor (\d+) is open$/);
  await example.line(new RegExp(`^collected: descriptor ${fd} is closed$`));
  const { code, stdout } = await example.ended();
  assert.equal(code, 0);
  assert.match(stdout, /^warning: A Connection was collected before it was closed/m);
});

test('timeouts: accept, recv, send and connect end with ETIMEDOUT', { skip }, async (t) => {
  const example = startExample(t, 'timeouts.js', [0]);
  const took = async (pattern: RegExp): Promise<void> => {
    assert.ok(Number(await example.word(pattern)) >= 299);
  };
  await took(/^accept: ETIMEDOUT from accept after (\d+) ms$/);
  const still = startPython(
    t,
    `s = client(args[0])
s.settimeout(None)
sys.stdin.readline()`,
    await example.port(),
  );
  await took(/^recv: ETIMEDOUT from recv after (\d+) ms$/);
  await took(/^send: ETIMEDOUT from send, some of it sent after (\d+) ms$/);
  await took(/^connect: ETIMEDOUT from connect after (\d+) ms$/);
  await example.output();
  still.end('\n');
});
