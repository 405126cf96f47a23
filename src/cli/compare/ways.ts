/** A way to ask for a backlog. */
export interface Way {
  id: WayId;
  family: 'tcp' | 'unix';
  /** Who asks. */
  who: 'listenq' | 'net.Server';
  /** The call, as a programmer would write it; `n` is the backlog. */
  call: string;
  /** The call in the two lines that the head of a narrow column has. */
  short: string;
  /** What else one has to know about it. */
  note?: string;
}

/** What an adopted descriptor listens with before net.Server gets it. No backlog of the default list. */
export const ADOPTED_BACKLOG = 33;

const ADOPTED = `the descriptor listens already, with ${ADOPTED_BACKLOG}, as a service manager would hand it over`;
const ROUND_ROBIN = 'in a cluster worker, SCHED_RR (the default): the primary listens';
const SHARED = 'in a cluster worker, SCHED_NONE: the worker listens, on a descriptor from the primary';

export const WAYS = [
  {
    id: 'listenq',
    family: 'tcp',
    who: 'listenq',
    call: 'listen({ port, host, backlog: n })',
    short: '{ port, …,\nbacklog: n }',
  },
  { id: 'args', family: 'tcp', who: 'net.Server', call: 'listen(port, host, n)', short: '(port,\nhost, n)' },
  {
    id: 'options',
    family: 'tcp',
    who: 'net.Server',
    call: 'listen({ port, host, backlog: n })',
    short: '{ port, …,\nbacklog: n }',
  },
  {
    id: 'cluster-rr',
    family: 'tcp',
    who: 'net.Server',
    call: 'cluster SCHED_RR: listen({ port, host, backlog: n })',
    short: 'cluster\nSCHED_RR',
    note: ROUND_ROBIN,
  },
  {
    id: 'cluster-none',
    family: 'tcp',
    who: 'net.Server',
    call: 'cluster SCHED_NONE: listen({ port, host, backlog: n })',
    short: 'cluster\nSCHED_NONE',
    note: SHARED,
  },
  {
    id: 'fd-args',
    family: 'tcp',
    who: 'net.Server',
    call: 'listen({ fd }, n)',
    short: '({ fd },\nn)',
    note: ADOPTED,
  },
  {
    id: 'fd-options',
    family: 'tcp',
    who: 'net.Server',
    call: 'listen({ fd, backlog: n })',
    short: '{ fd,\nbacklog: n }',
    note: ADOPTED,
  },
  {
    id: 'listenq-path',
    family: 'unix',
    who: 'listenq',
    call: 'listen({ path, backlog: n })',
    short: '{ path,\nbacklog: n }',
  },
  { id: 'path-args', family: 'unix', who: 'net.Server', call: 'listen(path, n)', short: '(path, n)' },
  {
    id: 'path-options',
    family: 'unix',
    who: 'net.Server',
    call: 'listen({ path, backlog: n })',
    short: '{ path,\nbacklog: n }',
  },
] as const satisfies readonly (Omit<Way, 'id'> & { id: string })[];

export type WayId =
  | 'listenq'
  | 'args'
  | 'options'
  | 'cluster-rr'
  | 'cluster-none'
  | 'fd-args'
  | 'fd-options'
  | 'listenq-path'
  | 'path-args'
  | 'path-options';

export function wayOf(id: WayId): Way {
  return WAYS.find((way) => way.id === id) as Way;
}

/** A list as it stands on the command line. @throws Error naming the bad entry */
export function parseWays(list: string): WayId[] {
  const wanted = list.split(',').map((entry) => {
    const way = WAYS.find(({ id }) => id === entry.trim());
    if (way === undefined) {
      throw new Error(`'${entry.trim()}' is no way to ask: there are ${WAYS.map(({ id }) => id).join(', ')}`);
    }
    return way.id;
  });
  return WAYS.map(({ id }) => id).filter((id) => wanted.includes(id));
}
