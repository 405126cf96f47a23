import type { Draft, Finding, Remedy } from './finding';

/** Those that Kubernetes lets a pod set unasked: its documentation, "Using sysctls in a Kubernetes Cluster". */
const SAFE_IN_KUBERNETES: readonly string[] = ['net.ipv4.tcp_syncookies'];

/** Says how to set the sysctls that are wished for: each to one value in the whole report, the largest. */
export function settled(drafts: readonly Draft[]): Finding[] {
  const largest = new Map<string, number>();
  for (const [name, value] of drafts.flatMap(({ sysctls = {} }) => Object.entries(sysctls)))
    largest.set(name, Math.max(value, largest.get(name) ?? value));
  return drafts.map(({ sysctls = {}, ...finding }) => {
    const settings = Object.entries(sysctls).flatMap(([name, value]) =>
      setSysctl(name, largest.get(name) ?? value),
    );
    return { ...finding, remedies: [...finding.remedies, ...settings] };
  });
}

/** How to set a sysctl. All of those used here are of the network namespace, so a container has its own. */
function setSysctl(name: string, value: number): Remedy[] {
  const allowed = SAFE_IN_KUBERNETES.includes(name)
    ? '# a safe sysctl: any pod may, unless it has hostNetwork'
    : `# an unsafe sysctl: the kubelet of the node needs --allowed-unsafe-sysctls=${name}, the pod no hostNetwork`;
  return [
    { where: 'now', lines: [`sysctl -w ${name}=${value}`] },
    { where: 'at boot', lines: ['# add the line to /etc/sysctl.d/60-listen.conf', `${name} = ${value}`] },
    { where: 'Docker', lines: ['# not with --network host', `docker run --sysctl ${name}=${value} …`] },
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
