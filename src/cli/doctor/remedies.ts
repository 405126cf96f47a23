import type { ListeningSocket } from 'listenq/kernel';

/** What to change in one place. */
export interface Remedy {
  where: 'program' | 'now' | 'at boot' | 'systemd' | 'Docker' | 'Kubernetes' | 'look';
  /** Exactly what to type or to write there; what explains it begins with '#'. */
  lines: string[];
}

/** Those that Kubernetes lets a pod set unasked: its documentation, "Using sysctls in a Kubernetes Cluster". */
const SAFE_IN_KUBERNETES: readonly string[] = ['net.ipv4.tcp_syncookies'];
const LEAST_BACKLOG = 1024;

/** How to set a sysctl. All of those used here are of the network namespace, so a container has its own. */
export function setSysctl(name: string, value: number): Remedy[] {
  const allowed = SAFE_IN_KUBERNETES.includes(name)
    ? '# a safe sysctl: any pod may, unless it has hostNetwork'
    : `# an unsafe sysctl: the kubelet of the node needs --allowed-unsafe-sysctls=${name}, the pod no hostNetwork`;
  return [
    { where: 'now', lines: [`sysctl -w ${name}=${value}`] },
    { where: 'at boot', lines: ['# /etc/sysctl.d/60-listen.conf', `${name} = ${value}`] },
    { where: 'Docker', lines: [`docker run --sysctl ${name}=${value} …`] },
    {
      where: 'Kubernetes',
      lines: [
        allowed,
        'spec:',
        '  securityContext:',
        '    sysctls:',
        `      - name: ${name}`,
        `        value: "${value}"`,
      ],
    },
  ];
}

/** A backlog that leaves room, for the largest of these listeners. */
export function roomyBacklog(sockets: readonly Pick<ListeningSocket, 'limit'>[]): number {
  const most = Math.max(0, ...sockets.map(({ limit }) => limit ?? 0));
  return Math.max(LEAST_BACKLOG, Math.min(2 ** Math.ceil(Math.log2(2 * most)), 2 ** 30));
}

/** How to ask for more, and to accept sooner; and the cap, where it stands in the way. */
export function raiseBacklog(backlog: number, somaxconn: number | undefined): Remedy[] {
  const cap = somaxconn === undefined || backlog <= somaxconn ? [] : setSysctl('net.core.somaxconn', backlog);
  return [
    {
      where: 'program',
      lines: [
        `listen({ port, backlog: ${backlog} }) // listenq; of a living one: listener.setBacklog(${backlog})`,
        `server.listen({ port, backlog: ${backlog} }) // net.Server`,
        'acceptLoop({ port }) // listenq: accepts while the event loop is busy',
      ],
    },
    { where: 'systemd', lines: ['# the socket unit', '[Socket]', `Backlog=${backlog}`] },
    ...(cap.length === 0 ? [] : [capCounts(), ...cap]),
  ];
}

/** The kernel looks at the cap in listen(2), and not again. */
export function capCounts(): Remedy {
  return {
    where: 'program',
    lines: [
      '# net.core.somaxconn caps the backlog at listen(2): raise it first, then restart or listen again',
    ],
  };
}

export function raiseDescriptorLimit(pid: number, limit: number): Remedy[] {
  return [
    { where: 'now', lines: [`prlimit --pid ${pid} --nofile=${limit}:${limit}`] },
    { where: 'systemd', lines: ['# the service unit', '[Service]', `LimitNOFILE=${limit}`] },
    { where: 'Docker', lines: [`docker run --ulimit nofile=${limit}:${limit} …`] },
    {
      where: 'Kubernetes',
      lines: ['# a pod cannot ask for it: LimitNOFILE= of the container runtime, as in containerd.service'],
    },
  ];
}
