import type { ListeningSocket } from 'listenq/kernel';
import { printable } from '../terminal';

/** Where programs take their backlog from, by what /proc/PID/comm calls them. */
const PROGRAMS: readonly { name: RegExp; lines: (backlog: number) => string[] }[] = [
  {
    // Node.js calls its first thread MainThread, or node-MainThread, in some versions.
    name: /^(node|nodejs|(node-)?MainThread)$/,
    lines: (backlog) => [
      `listen({ port, backlog: ${backlog} }) // listenq; of a living one: listener.setBacklog(${backlog})`,
      `server.listen({ port, backlog: ${backlog} }) // net.Server`,
      'acceptLoop({ port }) // listenq: accepts while the event loop is busy',
    ],
  },
  {
    name: /^(python|pypy)/,
    lines: (backlog) => [
      `socket.listen(${backlog})  # Python`,
      `request_queue_size = ${backlog}  # in a class of socketserver`,
    ],
  },
  { name: /^nginx/, lines: (backlog) => [`listen PORT backlog=${backlog};  # nginx`] },
];

/** How each program that has one of these listeners open is told its backlog. */
export function backlogLines(
  sockets: readonly Pick<ListeningSocket, 'processes'>[],
  backlog: number,
): string[] {
  const names = sockets.flatMap(({ processes = [] }) =>
    processes.length === 0 ? [undefined] : processes.map(({ name }) => name),
  );
  return [...new Set(names.flatMap((name) => linesFor(name, backlog)))];
}

function linesFor(name: string | undefined, backlog: number): string[] {
  const program = PROGRAMS.find((known) => name !== undefined && known.name.test(name));
  const other = name === undefined ? 'the program that listens' : printable(name);
  return program?.lines(backlog) ?? [`# ${other}: its own option for the backlog, set to ${backlog}`];
}

export function isNode(name: string): boolean {
  return PROGRAMS[0]?.name.test(name) ?? false;
}
