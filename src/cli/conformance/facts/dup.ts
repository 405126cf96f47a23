import * as fs from 'node:fs';
import * as sys from 'listenq/syscalls';
import { group, type FactBody } from '../fact';
import { answer, answers } from '../outcome';
import { received, sendText, tcp, trio } from '../sockets';

const O_CLOEXEC = 0o2000000;

const facts: FactBody[] = [
  {
    id: '452',
    title: 'dup: one copy of a connection shut down: send on the other',
    expected: 'EPIPE',
    run: (s) => {
      const { client } = trio(s);
      const copy = s.own(sys.dup(client));
      sys.shutdown(client, sys.SHUT_RDWR);
      return answer(() => sendText(copy, 'data'));
    },
  },
  {
    id: '453',
    title: 'dup: one copy of a connection closed: what the peer receives; after the other is closed',
    expected: 'EAGAIN / end of stream',
    run: (s) => {
      const { client, server } = trio(s);
      const copy = s.own(sys.dup(client));
      s.closeQuietly(client);
      const before = received(server);
      s.closeQuietly(copy);
      sys.poll([{ fd: server, events: sys.POLLIN }], 2000);
      return answers(before, received(server) === '' ? 'end of stream' : 'more');
    },
  },
  {
    id: '454',
    title: 'dup: of a CLOEXEC descriptor: CLOEXEC of the copy; O_NONBLOCK set on one is set on the other',
    expected: 'false / true',
    run: (s) => {
      const fd = tcp(s);
      const copy = s.own(sys.dup(fd));
      const flags = /^flags:\s*(\d+)/m.exec(fs.readFileSync(`/proc/self/fdinfo/${copy}`, 'utf8'));
      sys.setNonblocking(fd, true);
      return answers((parseInt(flags?.[1] ?? '0', 8) & O_CLOEXEC) !== 0, sys.getNonblocking(copy));
    },
  },
];

export const dupFacts = group('dup', facts);
