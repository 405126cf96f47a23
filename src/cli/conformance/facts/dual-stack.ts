import * as sys from 'listenq/syscalls';
import { group, type FactBody } from '../fact';
import { answers, eventually, outcome } from '../outcome';
import type { Scope } from '../scope';
import {
  accepted,
  at,
  bound,
  connected,
  listener,
  LOOPBACK,
  on,
  portOf,
  queueOf,
  tcp,
  type TcpOptions,
} from '../sockets';

const MAPPED_LOOPBACK = '::ffff:127.0.0.1';

function v6only(value: 0 | 1): (fd: number) => void {
  return (fd) => {
    sys.setsockopt(fd, sys.IPPROTO_IPV6, sys.IPV6_V6ONLY, value);
  };
}

/** With IPV6_V6ONLY off, whatever net.ipv6.bindv6only says. */
function both(address: string): TcpOptions {
  return { address, before: v6only(0) };
}

/** What binding each of `addresses` to the port of `fd` comes to. */
function alsoBinds(s: Scope, fd: number, addresses: readonly string[]): string {
  const port = portOf(fd);
  return answers(
    ...addresses.map((address) =>
      outcome(() => {
        const other = bound(s, { address, port, ...(address.includes(':') ? { before: v6only(0) } : {}) });
        s.close(other);
      }),
    ),
  );
}

function connects(s: Scope, address: string, port: number): string {
  const fd = tcp(s, address);
  return outcome(() => {
    sys.connect(fd, at(address, port));
  });
}

const FOUR = ['::1', MAPPED_LOOPBACK, LOOPBACK, '0.0.0.0'];

const facts: FactBody[] = [
  {
    id: '282',
    title: 'listen: on [::] with IPV6_V6ONLY 0: clients to 127.0.0.1 and ::1; their addresses at the server',
    expected: 'ok, ::ffff:127.0.0.1 / ok, ::1',
    run: (s) => {
      const fd = listener(s, both('::'));
      const peer = (address: string): string =>
        `${connects(s, address, portOf(fd))}, ${(sys.getpeername(accepted(s, fd)) as sys.IPv6Address).address}`;
      return answers(peer(LOOPBACK), peer('::1'));
    },
  },
  {
    id: '284',
    title: 'listen: on [::1]: a client to 127.0.0.1',
    expected: 'ECONNREFUSED',
    run: (s) => connects(s, LOOPBACK, portOf(listener(s, both('::1')))),
  },
  {
    id: '285',
    title: 'listen: on [::ffff:127.0.0.1]: clients to 127.0.0.1 and ::1',
    expected: 'ok / ECONNREFUSED',
    run: (s) => {
      const port = portOf(listener(s, both(MAPPED_LOOPBACK)));
      return answers(connects(s, LOOPBACK, port), connects(s, '::1', port));
    },
  },
  {
    id: '286',
    title: 'bind: [::]:p without options, then [::1], [::ffff:127.0.0.1], 127.0.0.1, 0.0.0.0',
    expected: 'EADDRINUSE / EADDRINUSE / EADDRINUSE / EADDRINUSE',
    run: (s) => alsoBinds(s, bound(s, both('::')), FOUR),
  },
  {
    id: '288',
    title: 'bind: [::]:p with IPV6_V6ONLY, then [::1], [::ffff:127.0.0.1], 127.0.0.1, 0.0.0.0',
    expected: 'EADDRINUSE / ok / ok / ok',
    run: (s) => alsoBinds(s, bound(s, { address: '::', before: v6only(1) }), FOUR),
  },
  {
    id: '289',
    title: 'bind: [::]:p with SO_REUSEADDR that does not listen, then 0.0.0.0 with SO_REUSEADDR',
    expected: 'ok',
    run: (s) => afterReusable(s, false),
  },
  {
    id: '290',
    title: 'bind: [::]:p with SO_REUSEADDR that listens, then 0.0.0.0 with SO_REUSEADDR',
    expected: 'EADDRINUSE',
    run: (s) => afterReusable(s, true),
  },
  {
    id: '292',
    title: 'bind: [::ffff:127.0.0.1]:p, then [::1], 127.0.0.1',
    expected: 'ok / EADDRINUSE',
    run: (s) => alsoBinds(s, bound(s, both(MAPPED_LOOPBACK)), ['::1', LOOPBACK]),
  },
  {
    id: '293',
    title: 'bind: [::ffff:0.0.0.0]:p, then [::1], 127.0.0.1',
    expected: 'ok / EADDRINUSE',
    run: (s) => alsoBinds(s, bound(s, both('::ffff:0.0.0.0')), ['::1', LOOPBACK]),
  },
  {
    id: '294',
    title: 'setsockopt: IPV6_V6ONLY on a socket that is bound',
    expected: 'EINVAL',
    run: (s) => {
      const fd = bound(s, { address: '::1' });
      return outcome(() => {
        v6only(1)(fd);
      });
    },
  },
  {
    id: '296',
    title: 'sysctl: net.ipv6.bindv6only 1: IPV6_V6ONLY of a new socket',
    expected: '1',
    needs: ['private network'],
    run: (s) => {
      s.sysctl('net.ipv6.bindv6only', 1);
      return String(sys.getsockoptInt(tcp(s, '::'), sys.IPPROTO_IPV6, sys.IPV6_V6ONLY));
    },
  },
  {
    id: '297',
    title: 'connect: from [::1] to ::ffff:127.0.0.1',
    expected: 'ENETUNREACH',
    run: (s) => mismatch(s, '::1', MAPPED_LOOPBACK),
  },
  {
    id: '298',
    title: 'connect: from [::ffff:127.0.0.1] to ::1',
    expected: 'EAFNOSUPPORT',
    run: (s) => mismatch(s, MAPPED_LOOPBACK, '::1'),
  },
  {
    id: '300',
    title: 'listen: on [::], an IPv4 client waits in the same queue: waiting',
    expected: '1',
    run: (s) => {
      const fd = listener(s, both('::'));
      connected(s, at(LOOPBACK, portOf(fd)));
      eventually(() => queueOf(fd).waiting === 1);
      return String(queueOf(fd).waiting);
    },
  },
];

function afterReusable(s: Scope, listens: boolean): string {
  const fd = bound(s, {
    address: '::',
    before: (one) => {
      v6only(0)(one);
      on(sys.SO_REUSEADDR)(one);
    },
  });
  if (listens) sys.listen(fd, 5);
  return outcome(() => bound(s, { address: '0.0.0.0', port: portOf(fd), before: on(sys.SO_REUSEADDR) }));
}

function mismatch(s: Scope, from: string, to: string): string {
  const fd = bound(s, both(from));
  return outcome(() => {
    sys.connect(fd, at(to, portOf(listener(s, both('::')))));
  });
}

export const dualStackFacts = group(
  'dual-stack',
  facts.map((fact) => ({ ...fact, needs: [...(fact.needs ?? []), 'IPv6'] })),
);
