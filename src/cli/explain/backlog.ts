import { limits, type BacklogExplanation } from 'listenq/kernel';
import { counted } from '../words';
import type { Answer } from './answer';
import { halfOpen, nextClient } from './refused';

/** The questions that people ask about a backlog. */
export function answersOn(explanation: BacklogExplanation): Answer[] {
  return [
    meaning(explanation),
    waiting(explanation),
    cap(explanation),
    nextClient(explanation),
    halfOpen(explanation),
    unixDomain(explanation),
    defaults(explanation),
  ];
}

function meaning({ asked }: BacklogExplanation): Answer {
  return {
    question: `What is the ${asked} in listen(${asked})?`,
    sentences: [
      'The length of the accept queue: clients whose handshake the kernel has completed, and that the server has not ' +
        'accepted yet.',
      'It bounds neither the clients that are being served nor how fast they come, and it is for sockets with ' +
        'connections only: UDP has no such queue.',
    ],
  };
}

function waiting({ asked, tcp }: BacklogExplanation): Answer {
  const sentences = [
    tcp.waiting === 0
      ? `None: the kernel holds ${tcp.backlog}, and has no room for a handshake either.`
      : `${tcp.waiting}. The kernel holds ${tcp.backlog}, as the Send-Q of ss -ltn shows, and lets one more in; two CPUs ` +
        `at once may let in yet another.`,
  ];
  if (asked === 0 && tcp.waiting > 0)
    sentences.push('So even 0 lets one client wait: there is no number for nobody.');
  if (asked < 0)
    sentences.push('The kernel reads a negative number as a huge one: it asks for as much as there may be.');
  return { question: 'How many clients can wait?', sentences };
}

function cap({ asked, tcp, limits: { somaxconn } }: BacklogExplanation): Answer {
  const made =
    tcp.cappedBy === undefined ? `${asked} is not above it` : `it makes ${somaxconn} of ${asked}, silently`;
  const attainable = tcp.cappedBy !== undefined && asked >= 0;
  return {
    question: 'What caps it?',
    sentences: [
      `net.core.somaxconn = ${somaxconn}: ${made}.`,
      'It is read when listen(2) is called, so that a change counts at the next call.',
      `SOMAXCONN, ${limits().SOMAXCONN} in the C headers here, is another thing: a number to pass, which listen(2) does ` +
        'not look at.',
      ...(attainable ? [`To have ${asked}, do this, and call listen(2) again:`] : []),
    ],
    commands: attainable ? [`sysctl -w net.core.somaxconn=${asked}`] : [],
  };
}

function unixDomain({ unix }: BacklogExplanation): Answer {
  return {
    question: 'And on a Unix-domain socket?',
    sentences: [
      `${counted(unix.waiting, 'client')} can wait, too.`,
      'The next one waits in connect() until there is room, or gets EAGAIN at once if its socket does not block. Nothing ' +
        'is dropped, and nothing counted.',
    ],
  };
}

/** Node.js and Python: observed at listen(2). The others: their documents and source. */
function defaults({ limits: { somaxconn } }: BacklogExplanation): Answer {
  const capped = somaxconn < 511 ? ` None gets more than ${somaxconn} here.` : '';
  return {
    question: 'What is passed if nobody says?',
    sentences: [
      "Node.js and nginx pass 511, Python 128 (its asyncio 100, its http.server and socketserver 5), Ruby's TCPServer " +
        `SOMAXCONN, Go and this package what net.core.somaxconn says.${capped}`,
    ],
  };
}
