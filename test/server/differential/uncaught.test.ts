import { differentialProcess } from './support/children';

differentialProcess("uncaught: a throw in 'connection' ends the process", ({ createServer }, say) => {
  const net = require('node:net') as typeof import('node:net');
  const server = createServer(() => {
    say('connection');
    throw new RangeError('thrown in connection');
  });
  process.on('exit', (code) => say('exit', code));
  server.listen(0, '127.0.0.1', () => {
    net.connect((server.address() as import('node:net').AddressInfo).port, '127.0.0.1');
  });
});

differentialProcess("uncaught: a throw in 'listening' ends the process", ({ createServer }, say) => {
  const server = createServer();
  process.on('exit', (code) => say('exit', code));
  server.listen(0, '127.0.0.1', () => {
    throw new TypeError('thrown in listening');
  });
});

differentialProcess("uncaught: a throw in 'close' ends the process", ({ createServer }, say) => {
  const server = createServer();
  process.on('exit', (code) => say('exit', code));
  server.listen(0, '127.0.0.1', () =>
    server.close(() => {
      throw new TypeError('thrown in close');
    }),
  );
});

differentialProcess("uncaught: 'error' that nobody hears ends the process", ({ createServer }, say) => {
  const path = '/tmp/listenq-none/s';
  process.on('exit', (code) => say('exit', code));
  process.on('uncaughtExceptionMonitor', (error, origin) => {
    const { code, syscall } = error as NodeJS.ErrnoException;
    say(code, syscall, origin);
  });
  createServer().listen(path);
});

differentialProcess('uncaught: those that come after a throw are served', ({ createServer }, say) => {
  const net = require('node:net') as typeof import('node:net');
  let seen = 0;
  process.on('uncaughtException', (error, origin) => say('uncaught', error.message, origin));
  const server = createServer((socket) => {
    const which = ++seen;
    process.nextTick(() => say('tick', which));
    queueMicrotask(() => say('microtask', which));
    socket.end();
    if (seen === 5) server.close(() => say('closed'));
    say('connection', which);
    if (seen % 2 === 1) throw new Error(`thrown ${which}`);
  });
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as import('node:net').AddressInfo;
    for (let i = 0; i < 5; i++) net.connect(port, '127.0.0.1').resume();
  });
});

differentialProcess('uncaught: a second listener is not called after a throw', ({ createServer }, say) => {
  const net = require('node:net') as typeof import('node:net');
  process.on('uncaughtException', (error) => say('uncaught', error.message));
  const server = createServer((socket) => {
    socket.destroy();
    server.close(() => say('closed'));
    throw new Error('first');
  });
  server.on('connection', () => say('second'));
  server.listen(0, '127.0.0.1', () => {
    net.connect((server.address() as import('node:net').AddressInfo).port, '127.0.0.1').resume();
  });
});

differentialProcess(
  'uncaught: a rejection of an async listener ends the process',
  ({ createServer }, say) => {
    const net = require('node:net') as typeof import('node:net');
    const server = createServer(() => {
      say('connection');
      return Promise.reject(new RangeError('rejected')) as unknown as undefined;
    });
    process.on('exit', (code) => say('exit', code));
    server.listen(0, '127.0.0.1', () => {
      net.connect((server.address() as import('node:net').AddressInfo).port, '127.0.0.1');
    });
  },
);

differentialProcess("uncaught: a throw in 'drop' ends the process", ({ createServer }, say) => {
  const net = require('node:net') as typeof import('node:net');
  const server = createServer(() => say('connection'));
  server.maxConnections = 1;
  process.on('exit', (code) => say('exit', code));
  server.on('drop', () => {
    throw new RangeError('dropped');
  });
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as import('node:net').AddressInfo;
    for (let i = 0; i < 2; i++) net.connect(port, '127.0.0.1').resume();
  });
});

differentialProcess(
  "uncaught: a socket's error that nobody hears ends the process",
  ({ createServer }, say) => {
    const net = require('node:net') as typeof import('node:net');
    process.on('exit', (code) => say('exit', code));
    const server = createServer((socket) => void socket.destroy(new Error('of the socket')));
    server.listen(0, '127.0.0.1', () => {
      net.connect((server.address() as import('node:net').AddressInfo).port, '127.0.0.1').resume();
    });
  },
);

differentialProcess('domain: an error in a server of a domain is its', ({ createServer }, say) => {
  const net = require('node:net') as typeof import('node:net');
  const domain = require('node:domain') as typeof import('node:domain');
  const own = domain.create();
  own.on('error', (error: Error) => {
    say('domain', error.message);
    process.exit(4);
  });
  own.run(() => {
    const server = createServer(() => {
      throw new Error('in the domain');
    });
    server.listen(0, '127.0.0.1', () => {
      net.connect((server.address() as import('node:net').AddressInfo).port, '127.0.0.1');
    });
  });
});
