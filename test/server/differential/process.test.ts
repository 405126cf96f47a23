import { differentialProcess } from './support/children';

differentialProcess('process: a server keeps it alive', ({ createServer }, say) => {
  createServer().listen(0, '127.0.0.1', () => say('listening'));
  setTimeout(() => {
    say('still here');
    process.exit(3);
  }, 300).unref();
});

for (const when of ['before', 'after', 'in', 'later'])
  differentialProcess(
    `process: a server that is unref'ed ${when} listening does not`,
    ({ createServer }, say, moment: string) => {
      const server = createServer();
      const unref = (): void => say(server.unref() === server);
      if (moment === 'before') unref();
      server.listen(0, '127.0.0.1');
      if (moment === 'after') unref();
      if (moment === 'in') server.on('listening', unref);
      if (moment === 'later') setTimeout(unref, 50);
      setTimeout(() => say('still here'), 5000).unref();
      process.on('exit', (code) => say('exit', code));
    },
    when,
  );

differentialProcess("process: unref'ed and ref'ed again, it stays", ({ createServer }, say) => {
  const server = createServer().unref();
  server.listen({ port: 0, host: '127.0.0.1' });
  server.unref();
  say(server.ref() === server, server.ref() === server);
  setTimeout(() => {
    say('still here', server.listening);
    server.close();
  }, 300).unref();
});

differentialProcess(
  "process: an unref'ed server serves while something else keeps it",
  ({ createServer }, say) => {
    const net = require('node:net') as typeof import('node:net');
    const server = createServer((socket) => socket.end('served')).unref();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as import('node:net').AddressInfo;
      net.connect(port, '127.0.0.1').on('data', (data) => say(String(data)));
    });
    process.on('exit', () => say('exit', server.listening));
  },
);

differentialProcess("process: unref'ed, an open connection keeps it alive", ({ createServer }, say) => {
  const net = require('node:net') as typeof import('node:net');
  const server = createServer((socket) => {
    setTimeout(() => {
      say('still here');
      socket.end();
    }, 300).unref();
  }).unref();
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as import('node:net').AddressInfo;
    net
      .connect(port, '127.0.0.1')
      .resume()
      .on('close', () => say('client closed'));
  });
});

differentialProcess('process: it ends when the server is closed', ({ createServer }, say) => {
  const server = createServer();
  server.listen(0, '127.0.0.1', () => server.close(() => say('closed')));
  process.on('beforeExit', (code) => say('beforeExit', code));
  process.on('exit', (code) => say('exit', code));
});

differentialProcess(
  'process: it ends when the path is closed, and the file is gone',
  ({ createServer }, say) => {
    const fs = require('node:fs') as typeof import('node:fs');
    const path = `/tmp/listenq-${process.pid}`;
    const server = createServer();
    server.listen(path, () => server.close(() => say('closed', fs.existsSync(path))));
  },
);

differentialProcess("process: a server that is opened in 'beforeExit' keeps it", ({ createServer }, say) => {
  process.once('beforeExit', () => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      say('listening');
      server.close();
    });
  });
  process.on('exit', () => say('exit'));
});

differentialProcess(
  'process: process.exit() with a server, a client and a queue',
  ({ createServer }, say) => {
    const net = require('node:net') as typeof import('node:net');
    const server = createServer(() => {
      process.on('exit', (code) => say('exit', code, server.listening));
      process.exit(7);
    });
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as import('node:net').AddressInfo;
      for (let i = 0; i < 5; i++) net.connect(port, '127.0.0.1');
    });
  },
);

differentialProcess('process: a signal ends it', ({ createServer }, say) => {
  createServer().listen(0, '127.0.0.1', () => {
    say('listening');
    process.kill(process.pid, 'SIGTERM');
  });
});
