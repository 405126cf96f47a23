import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import { anyOf, needsTool, temporaryFolder } from '../support/machine';
import { Program, python, startExample, startPython } from './support/program';

const skip = needsTool('python3');
const HELLO = 'print(to_end(client(args[0])))';

test(
  'socket-activation: systemd-socket-activate starts it for the first client, which waits in its queue',
  { skip: anyOf(skip, needsTool('systemd-socket-activate')) },
  async (t) => {
    const port = (
      await python(t, 'with socket.create_server(("127.0.0.1", 0)) as s: print(s.getsockname()[1])')
    ).trim();
    const node = [process.execPath, 'examples/socket-activation.js'];
    const example = new Program(t, 'systemd-socket-activate', 'systemd-socket-activate', [
      ...['-l', `127.0.0.1:${port}`, '--fdname=web', ...node],
    ]);
    const said = await python(
      t,
      `for i in range(1000):
    try: s = client(args[0])
    except ConnectionRefusedError: time.sleep(0.02)
    else: break
print(to_end(s))`,
      port,
    );
    assert.equal(said, "b'hello\\n'\n");
    await example.line(/^from systemd: limit \d+, 1 waiting$/);
    assert.equal(await python(t, HELLO, port), "b'hello\\n'\n");
    assert.equal((await example.stop()).code, 0);
  },
);

test('socket-activation: by hand it listens by itself, with its own backlog', { skip }, async (t) => {
  const example = startExample(t, 'socket-activation.js', [0]);
  const port = await example.port();
  await example.line(/^by itself: limit 511, 0 waiting$/);
  assert.equal(await python(t, HELLO, port), "b'hello\\n'\n");
  assert.equal((await example.stop()).code, 0);
});

test(
  'restart: the second takes over from the first, which ends once its client has gone to it',
  { skip },
  async (t) => {
    const control = path.join(temporaryFolder(), 'control');
    const first = startExample(t, 'restart.js', [0, control]);
    const port = await first.port();
    const client = startPython(
      t,
      `import http.client
kept = http.client.HTTPConnection('127.0.0.1', int(args[0]), timeout=20)
for line in sys.stdin:
    kept.request('GET', '/')
    answer = kept.getresponse()
    print(answer.read().decode().strip(), answer.getheader('Connection'))`,
      port,
    );
    const ask = (): Promise<string> => {
      client.write('\n');
      return client.word(/^served by (\d+ .*)$/);
    };
    assert.equal(await ask(), `${first.pid} keep-alive`);
    const second = startExample(t, 'restart.js', [0, control]);
    await second.line(new RegExp(`^listening on 127\\.0\\.0\\.1 port ${port}, taken over$`));
    // The first goes on until the second says that it serves.
    let answer = await ask();
    while (answer !== `${first.pid} close`) answer = await ask();
    const { code, stdout } = await first.ended();
    assert.deepEqual([code, stdout.endsWith('replaced\n')], [0, true]);
    assert.equal(await ask(), `${second.pid} keep-alive`);
    const third = startExample(t, 'restart.js', [0, control]);
    await third.line(/, taken over$/);
  },
);
