import { spawnSync } from 'node:child_process';
import { listen, type Listener, type ListenOptions } from 'listenq';
import { anyOf, needsRoot, needsTool, type Skip } from '../support/machine';
import { beginConnects, closeAll } from '../support/sockets';

/** A listener with clients that nobody accepts; `close` ends all of them. */
export interface Filled {
  listener: Listener;
  close: () => void;
}

/** Listens, and lets so many clients connect one after another. Those who were refused go away, and try no more. */
export function filled(options: ListenOptions & { backlog: number }, clients: number): Filled {
  const listener = listen({ ...('path' in options ? {} : { host: '127.0.0.1' }), ...options });
  const fds = beginConnects(listener.address(), clients);
  const admitted = fds.slice(0, options.backlog + 1);
  closeAll(fds.slice(admitted.length));
  return {
    listener,
    close: () => {
      closeAll([...admitted, listener]);
    },
  };
}

/** Whether mount namespaces can be had, to hide /proc in. */
export function needsMounts(): Skip {
  const tried = (): Skip =>
    spawnSync('unshare', ['-m', 'true']).status === 0 ? false : 'needs unshare -m, which is refused';
  return anyOf(needsRoot(), needsTool('unshare'), tried());
}

/** What runs a command without /proc. */
export const WITHOUT_PROC = ['unshare', '-m', 'sh', '-c', 'umount -l /proc && exec "$@"', 'sh'] as const;

/** What runs a command whose every socket(2) is refused, so that it cannot ask the diagnostics; it needs no other. */
export const WITHOUT_NETLINK = [
  ...['strace', '-f', '-qq', '-o', '/dev/null'],
  ...['-e', 'trace=socket', '-e', 'inject=socket:error=EACCES'],
] as const;

/** Runs a command on a terminal of its own, and types there what `steps` say: see TERMINAL. */
export function onTerminal(
  steps: readonly (readonly [until: string, then: string])[],
  command: readonly string[],
  env: NodeJS.ProcessEnv = {},
): { output: string; status: number | null; settings: string } {
  const { stdout, stderr, status } = spawnSync(
    'python3',
    ['-c', TERMINAL, JSON.stringify(steps), ...command],
    { encoding: 'utf8', env: { ...process.env, TERM: 'xterm', NO_COLOR: '', ...env }, timeout: 60_000 },
  );
  if (status !== 0) throw new Error(`python3 failed: ${stderr}`);
  const told = JSON.parse(stdout) as { output: string; status: number; settings: string };
  return told;
}

/**
 * Opens a terminal of 24 lines and 100 columns and runs the command there. In each step it waits until the output
 * since the last step holds a text, and then types, or signals (`kill:SIGTERM`), or resizes (`size:12x80`), or takes
 * the terminal away (`hangup`). Prints the output, the exit status, and whether the settings of the terminal are again those from before.
 */
const TERMINAL = `
import fcntl, json, os, pty, select, signal, struct, sys, termios, time
steps, command = json.loads(sys.argv[1]), sys.argv[2:]
def resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
ours, theirs = pty.openpty()
resize(ours, 24, 100)
before = termios.tcgetattr(theirs)
pid = os.fork()
if pid == 0:
    os.close(ours)
    os.setsid()
    fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2): os.dup2(theirs, fd)
    os.execvp(command[0], command)
output = seen = b''
def read(seconds):
    global output, seen
    if not select.select([ours], [], [], seconds)[0]: return False
    chunk = os.read(ours, 65536)
    output += chunk
    seen += chunk
    return True
for until, then in steps:
    deadline = time.monotonic() + 20
    while until.encode() not in seen:
        read(0.1)
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            sys.exit('never came: ' + until + ' in ' + repr(seen))
    seen = b''
    if then == 'hangup':
        os.close(ours)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        print(json.dumps({'output': output.decode(), 'status': status, 'settings': 'gone'}))
        sys.exit()
    if then.startswith('kill:'): os.kill(pid, getattr(signal, then[5:]))
    elif then.startswith('size:'): resize(ours, *map(int, then[5:].split('x')))
    else: os.write(ours, then.encode())
status = None
while status is None:
    read(0.05)
    ended, code = os.waitpid(pid, os.WNOHANG)
    if ended: status = os.waitstatus_to_exitcode(code)
while read(0.05): pass
settings = 'restored' if termios.tcgetattr(theirs) == before else 'changed'
print(json.dumps({'output': output.decode(), 'status': status, 'settings': settings}))
`;
