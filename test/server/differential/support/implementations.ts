import * as net from 'node:net';
import * as ours from 'listenq/server';

/** What a program uses of node:net to serve. */
export interface Implementation {
  createServer: typeof net.createServer;
  Server: typeof net.Server;
}

/** net's own, against which the others are held. */
export const REFERENCE: Implementation = { createServer: net.createServer, Server: net.Server };

export const CANDIDATES: Record<string, Implementation> = {
  'with the accept thread': {
    createServer: ours.createServer,
    Server: ours.Server,
  },
  'acceptLoop: false': {
    createServer: (...args: unknown[]) => ours.createServer(...(withoutLoop(args) as [ours.ServerOptions])),
    Server: new Proxy(ours.Server, {
      apply: (server, self, args) => Reflect.apply(server, self, withoutLoop(args)) as unknown,
      construct: (server, args, target) => Reflect.construct(server, withoutLoop(args), target) as object,
    }),
  },
};

/** The same arguments, with the option in them, unless they are wrong in any case. */
function withoutLoop(args: unknown[]): unknown[] {
  const [options, ...rest] = args;
  if (typeof options === 'function') return [{ acceptLoop: false }, options];
  if (options !== undefined && options !== null && typeof options !== 'object') return args;
  return [{ ...options, acceptLoop: false }, ...rest];
}
