import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as http from 'node:http';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { Client, noting, sameBothWays, statuses } from './side-by-side';

const GET = 'GET / HTTP/1.1\r\nHost: here\r\n\r\n';
const REQUEST_EVENTS = ['connection', 'request', 'checkContinue', 'connect', 'upgrade', 'clientError'];

const plainAnswer: http.RequestListener = (request, response) => {
  response.sendDate = false;
  response.end(`served ${request.url}`);
};

test('http: three requests on one connection, each answered, by one socket', async () => {
  const seen = await sameBothWays(async (start) => {
    const server = http.createServer(plainAnswer);
    const events = noting(server, ...REQUEST_EVENTS);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const port = await start(server);
    const answers = [];
    for (let i = 0; i < 3; i++) {
      const request = http.get({ port, agent, path: `/${i}` });
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      const body = (await response.toArray()).join('');
      answers.push([response.statusCode, body, request.reusedSocket]);
    }
    agent.destroy();
    return { events, answers };
  });
  assert.deepEqual(seen, {
    events: ['connection', 'request', 'request', 'request'],
    answers: [
      [200, 'served /0', false],
      [200, 'served /1', true],
      [200, 'served /2', true],
    ],
  });
});

/** What a client says to a server at once, and what it and the server then see; timeouts are the shortest that Node looks for. */
const CONVERSATIONS: {
  title: string;
  options?: http.ServerOptions;
  prepare?: (server: http.Server) => void;
  says: string;
  hears: RegExp;
  events: string[];
}[] = [
  {
    title: 'two pipelined requests are answered in their order',
    says: `GET /1 HTTP/1.1\r\nHost: here\r\n\r\nGET /2 HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n`,
    hears: /^HTTP\/1.1 200 [^]*served \/1HTTP\/1.1 200 [^]*served \/2\(end\)$/,
    events: ['connection', 'request', 'request'],
  },
  {
    title: 'keepAliveTimeout: an idle connection is ended',
    prepare: (server) => (server.keepAliveTimeout = 30),
    says: GET,
    hears: /^HTTP\/1.1 200 [^]*served \/\(end\)$/,
    events: ['connection', 'request'],
  },
  {
    title: 'headersTimeout: half a header is answered with 408',
    options: { headersTimeout: 60, requestTimeout: 120, connectionsCheckingInterval: 20 },
    says: GET.slice(0, 20),
    hears: /^HTTP\/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n\(end\)$/,
    events: ['connection'],
  },
  {
    title: 'requestTimeout: half a body is answered with 408',
    options: { headersTimeout: 60, requestTimeout: 60, connectionsCheckingInterval: 20 },
    prepare: (server) => server.removeAllListeners('request').on('request', () => undefined),
    says: 'POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\nhalf',
    hears: /^HTTP\/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n\(end\)$/,
    events: ['connection', 'request'],
  },
  {
    title: 'server.timeout: a silent connection is destroyed',
    prepare: (server) => server.setTimeout(60),
    says: '',
    hears: /^\(end\)$/,
    events: ['connection'],
  },
  {
    title: 'a request that is none: 400',
    says: 'nonsense\r\n\r\n',
    hears: /^HTTP\/1.1 400 Bad Request\r\nConnection: close\r\n\r\n\(end\)$/,
    events: ['connection'],
  },
  {
    title: "'clientError' gets the socket, and answers itself",
    prepare: (server) => {
      server.on('clientError', (error: NodeJS.ErrnoException, socket) =>
        socket.end(`not that: ${error.code}`),
      );
    },
    says: 'nonsense\r\n\r\n',
    hears: /^not that: HPE_INVALID_METHOD\(end\)$/,
    events: ['connection', 'clientError'],
  },
  {
    title: "'checkContinue' may refuse the body",
    prepare: (server) => {
      server.on('checkContinue', (_request, response: http.ServerResponse) => {
        response.writeHead(417, { connection: 'close' }).end();
      });
    },
    says: 'PUT / HTTP/1.1\r\nHost: here\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n',
    hears: /^HTTP\/1.1 417 [^]*\(end\)$/,
    events: ['connection', 'checkContinue'],
  },
  {
    title: "'connect' hands the socket over",
    prepare: (server) => {
      server.on('connect', (request: http.IncomingMessage, socket: Duplex, head: Buffer) => {
        socket.end(`HTTP/1.1 200 Tunnel\r\n\r\nto ${request.url}, and ${head.toString()}`);
      });
    },
    says: 'CONNECT there:80 HTTP/1.1\r\nHost: there\r\n\r\nfirst bytes',
    hears: /^HTTP\/1.1 200 Tunnel\r\n\r\nto there:80, and first bytes\(end\)$/,
    events: ['connection', 'connect'],
  },
  {
    title: "'upgrade' hands the socket over",
    prepare: (server) => {
      server.on('upgrade', (request: http.IncomingMessage, socket: Duplex) => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n');
        socket.end(`upgraded to ${request.headers.upgrade}`);
      });
    },
    says: 'GET / HTTP/1.1\r\nHost: here\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n',
    hears: /^HTTP\/1.1 101 [^]*upgraded to echo\(end\)$/,
    events: ['connection', 'upgrade'],
  },
  {
    title: 'maxRequestsPerSocket: one more gets 503',
    options: { keepAliveTimeout: 30 },
    prepare: (server) => {
      server.maxRequestsPerSocket = 1;
    },
    says: GET + GET,
    hears: /^HTTP\/1.1 200 [^]*Connection: close[^]*served \/[^]*503 Service Unavailable/,
    events: ['connection', 'request'],
  },
];

for (const { title, options = {}, prepare, says, hears, events } of CONVERSATIONS) {
  test(`http: ${title}, as on the plain server`, async () => {
    const seen = await sameBothWays(async (start) => {
      const server = http.createServer(options, plainAnswer);
      prepare?.(server);
      const listenedTo = REQUEST_EVENTS.filter((event) => server.listenerCount(event) > 0);
      const noted = noting(server, ...listenedTo);
      const heard = await Client.to(await start(server), says).all();
      return { heard: heard.replace(/Date: .*\r\n/, ''), noted };
    });
    assert.match(seen.heard, hears);
    assert.deepEqual(seen.noted, events);
  });
}

test("http: server.maxConnections: one more is dropped, and 'drop' says who", async () => {
  const seen = await sameBothWays(async (start) => {
    const server = http.createServer(plainAnswer);
    server.maxConnections = 1;
    const dropped = once(server, 'drop');
    const port = await start(server);
    const first = Client.to(port, GET);
    await first.has(/served/);
    const second = Client.to(port);
    const heard = await second.all();
    const [data] = (await dropped) as [object];
    first.socket.destroy();
    return { heard, data: Object.keys(data).sort() };
  });
  assert.equal(seen.heard, '(end)');
  assert.ok(seen.data.includes('remotePort'));
});

test('http: closeIdleConnections ends the idle one, and leaves the one that is being served', async () => {
  const seen = await sameBothWays(async (start) => {
    const held: http.ServerResponse[] = [];
    const server = http.createServer((request, response) => {
      if (request.url === '/wait') held.push(response);
      else plainAnswer(request, response);
    });
    const port = await start(server);
    const idle = Client.to(port, GET);
    await idle.has(/served/);
    const busy = Client.to(port, 'GET /wait HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n');
    await once(server, 'request');
    server.closeIdleConnections();
    const idleHeard = statuses(await idle.all());
    held[0]?.end('at last');
    const busyHeard = await busy.all();
    return { idleHeard, busyHeard: [...statuses(busyHeard), busyHeard.endsWith('at last(end)')] };
  });
  assert.deepEqual(seen, { idleHeard: ['200'], busyHeard: ['200', true] });
});

test('http: close() ends the idle, waits for the request under way, takes nobody new; then closeAllConnections', async () => {
  const seen = await sameBothWays(async (start) => {
    const held: http.ServerResponse[] = [];
    const server = http.createServer((request, response) => {
      if (request.url === '/') plainAnswer(request, response);
      else held.push(response);
    });
    const noted = noting(server, 'close');
    const port = await start(server);
    const idle = Client.to(port, GET);
    await idle.has(/served/);
    const waiting = ['/finish', '/cut'].map((path) =>
      Client.to(port, `GET ${path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n`),
    );
    while (held.length < 2) await once(server, 'request');
    server.close();
    const { listening } = server;
    const idleHeard = statuses(await idle.all());
    const late = await Client.to(port).all();
    for (const response of held) if (response.req.url === '/finish') response.end('at last');
    const finished = await waiting[0]?.all();
    const closedBefore = noted.includes('close');
    server.closeAllConnections();
    if (!noted.includes('close')) await once(server, 'close');
    const cut = await waiting[1]?.all();
    return { listening, idleHeard, late, closedBefore, cut, finished: finished?.endsWith('at last(end)') };
  });
  assert.deepEqual(seen, {
    ...{ listening: false, idleHeard: ['200'], late: '(ECONNREFUSED)' },
    ...{ closedBefore: false, cut: '(end)', finished: true },
  });
});
