import assert from 'node:assert/strict';
import { test } from 'node:test';
import { once } from 'node:events';
import { listen } from 'listenq';
import { anyOf, needsRoot, needsTool, privateNetwork, setSysctl } from '../support/machine';
import { startPython } from '../support/python';
import { beginConnects, closeAll, portOf } from '../support/sockets';
import { runCommand } from './command-line';
import { diagnose, diagnoseMeanwhile, linesOf, type Diagnosis } from './diagnosis';
import { filled } from './private-command';

const skip = privateNetwork();

function problemsOf({ found }: Diagnosis): string[] {
  return found.filter((text) => text.startsWith('problem'));
}

/** Listens with that backlog, lets so many clients connect, and accepts none of them; under another name, if given. */
const DEAF = `
import socket, sys, time
if sys.argv[3:]: open('/proc/self/comm', 'w').write(sys.argv[3])
listener = socket.socket()
listener.bind(('127.0.0.1', 0))
listener.listen(int(sys.argv[1]))
clients = [socket.create_connection(listener.getsockname()) for _ in range(int(sys.argv[2]))]
print(listener.getsockname()[1], flush=True)
time.sleep(60)`;

async function withDeafServer(
  backlog: number,
  clients: number,
  use: (pid: number, port: string) => void,
  ...name: string[]
): Promise<void> {
  const { process: child, output } = startPython(DEAF, backlog, clients, ...name);
  const [port] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [string];
  try {
    use(child.pid ?? 0, port.trim());
  } finally {
    child.kill();
    await output;
  }
}

const python = { skip: anyOf(skip, needsTool('python3')) };

test(
  'doctor, a server that accepts nobody: how many wait, which process, and no larger backlog',
  python,
  () =>
    withDeafServer(1024, 30, (pid, port) => {
      assert.deepEqual(diagnose(['--port', port]).found, [], 'with --for 0 that cannot be told');
      const diagnosis = diagnose(['--port', port, '--for', '0.5']);
      assert.deepEqual(diagnosis.found, ['problem not-accepted']);
      const title = new RegExp(
        `^30 wait and nothing was accepted in 0\\.[5-9] s: .*python.* ${pid}; a larger`,
      );
      assert.match(diagnosis.findings[0]?.title ?? '', title);
      const lines = linesOf(diagnosis, 'not-accepted').join('\n');
      assert.match(lines, new RegExp(`^ps .* -p ${pid}$`, 'm'));
      assert.doesNotMatch(lines, /acklog|acceptLoop/);
    }),
);

test(
  'doctor, a queue that is served now and then: not one from which nothing is accepted',
  { skip },
  async () => {
    const { listener, close } = filled({ backlog: 200 }, 40);
    const served = setInterval(() => {
      listener.accept().close();
    }, 60);
    const { found, listeners } = await diagnoseMeanwhile(['--for', '1']);
    clearInterval(served);
    assert.deepEqual(found, []);
    assert.ok((listeners?.[0]?.length ?? 0) > 0, 'it was never empty');
    close();
  },
);

test(
  'doctor, a full queue that is served too slowly: one finding for it, with the drops of now',
  { skip },
  async () => {
    const { listener, close } = filled({ backlog: 2 }, 3);
    const late = beginConnects(listener.address(), 20);
    const served = setInterval(() => {
      listener.accept().close();
    }, 600);
    const diagnosis = await diagnoseMeanwhile(['--for', '2']);
    clearInterval(served);
    assert.deepEqual(problemsOf(diagnosis), ['problem queue-full']);
    assert.match(
      diagnosis.findings[0]?.details.join('\n') ?? '',
      /^.*: 3 wait, limit 2, \d+ drops, \d+ of them now(, \d+ half-open)?$/,
    );
    closeAll(late);
    close();
  },
);

test('doctor, a full queue of a Unix-domain socket: what really becomes of the next client', { skip }, () => {
  const { listener, close } = filled({ path: '\0listenq-doctor-full', backlog: 1 }, 2);
  assert.throws(() => beginConnects(listener.address(), 1), { code: 'EAGAIN' });
  assert.match(diagnose().findings[0]?.title ?? '', /the next client waits in connect\(\), or gets EAGAIN$/);
  close();
});

test('doctor: the number it names is not doubled for who has obeyed it', { skip }, () => {
  const { listener, close } = filled({ backlog: 2 }, 6);
  const port = ['--port', String(portOf(listener.address()))];
  const [, backlog] = /^Backlog=(\d+)$/m.exec(linesOf(diagnose(port), 'queue-full').join('\n')) ?? [];
  listener.setBacklog(Number(backlog));
  const obeyed = diagnose(port);
  assert.deepEqual(obeyed.found, ['advice drops']);
  assert.doesNotMatch(linesOf(obeyed, 'drops').join('\n'), /acklog[=:] ?\d/);
  close();
});

test('doctor: one value for each sysctl, although two findings wish for different ones', { skip }, () => {
  setSysctl('net.core.somaxconn', 4);
  const { close } = filled({ backlog: 4 }, 5);
  const diagnosis = diagnose();
  const { stdout } = runCommand(['doctor', '--for', '0']);
  setSysctl('net.core.somaxconn', 4096);
  assert.deepEqual(diagnosis.found, ['problem queue-full', 'advice somaxconn-low']);
  for (const id of ['queue-full', 'somaxconn-low']) {
    const lines = linesOf(diagnosis, id);
    assert.ok(lines.includes('net.core.somaxconn = 4096'), lines.join('\n'));
    assert.ok(lines.includes('# add the line to /etc/sysctl.d/60-listen.conf'));
  }
  assert.equal(stdout.split('net.core.somaxconn = ').length, 2, 'the text says it once');
  assert.match(stdout, /^ {4}\(what to change is said above\)$/m);
  close();
});

test(
  'doctor, somaxconn was raised and the listener not restarted: it says which limit that one still has',
  { skip },
  () => {
    setSysctl('net.core.somaxconn', 8);
    const { close } = filled({ backlog: 8 }, 9);
    setSysctl('net.core.somaxconn', 4095);
    const diagnosis = diagnose();
    setSysctl('net.core.somaxconn', 4096);
    assert.deepEqual(diagnosis.found, ['problem queue-full'], 'no word on listeners that are not there');
    const lines = linesOf(diagnosis, 'queue-full').join('\n');
    assert.match(lines, /somaxconn is 4095 now, but this listener still has 8: it must listen again/);
    assert.doesNotMatch(lines, /sysctl/);
    close();
  },
);

test('doctor, a full queue of python3: what Python calls the backlog, and no JavaScript', python, () =>
  withDeafServer(2, 3, (_, port) => {
    const lines = linesOf(diagnose(['--port', port]), 'queue-full').join('\n');
    assert.match(lines, /^socket\.listen\(1024\)/m);
    assert.match(lines, /^request_queue_size = 1024/m);
    assert.doesNotMatch(lines, /server\.listen|acceptLoop/);
  }),
);

test(
  'doctor, a full queue of a program it does not know: the name of that program, and the number',
  python,
  () =>
    withDeafServer(
      2,
      3,
      (_, port) => {
        const lines = linesOf(diagnose(['--port', port]), 'queue-full');
        assert.ok(lines.includes('# caddy: its own option for the backlog, set to 1024'), lines.join('\n'));
      },
      'caddy',
    ),
);

test(
  'doctor, the program that listens is not to be seen: no option of another one',
  { skip: anyOf(skip, needsRoot(), needsTool('unshare')) },
  () => {
    const listener = listen({ host: '127.0.0.1', backlog: 0, warnIfCapped: false });
    const clients = beginConnects(listener.address(), 1);
    const under = ['unshare', '--pid', '--fork', '--mount-proc'];
    const { stdout } = runCommand(['doctor', '--for', '0'], { under });
    assert.match(stdout, /# the program that listens: its own option for the backlog, set to 1024/);
    assert.doesNotMatch(stdout, /server\.listen/);
    closeAll([...clients, listener]);
  },
);
