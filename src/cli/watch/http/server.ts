import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readAssets, type Asset } from './assets';
import { bracketed, HEADERS, refusal } from './security';

/** Where to listen. */
export interface Place {
  host: string;
  port: number;
}

/** Each stream costs a descriptor and some memory; nobody looks with so many. */
const MOST_CONNECTIONS = 128;

/**
 * Listens there, and serves the page; requests for /events are handed to `stream`.
 *
 * @throws Error, one line that says what to do, if the place cannot be had
 */
export async function serve(
  place: Place,
  stream: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Server> {
  const assets = readAssets();
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value ?? '');
    const refused = refusal(request, place.host);
    if (refused !== undefined) sayOnly(response, refused.status, refused.reason);
    else answer(request, response, assets, stream);
  });
  server.maxConnections = MOST_CONNECTIONS;
  await listening(server, place);
  return server;
}

/** The address of the page, as it is typed. */
export function urlOf(server: Server, { host }: Place): string {
  return `http://${bracketed(host)}:${(server.address() as AddressInfo).port}/`;
}

/** Whether only this machine reaches it. */
export function isLoopback(server: Server): boolean {
  const { address } = server.address() as AddressInfo;
  return address === '::1' || /^(::ffff:)?127\./.test(address);
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  assets: Map<string, Asset>,
  stream: (request: IncomingMessage, response: ServerResponse) => void,
): void {
  const path = (request.url ?? '').replace(/\?.*$/, '');
  const asset = assets.get(path);
  if (asset !== undefined) {
    response.writeHead(200, {
      'Content-Type': `${asset.type}; charset=utf-8`,
      'Content-Length': asset.body.length,
    });
    response.end(asset.body);
  } else if (path !== '/events') sayOnly(response, 404, 'there is nothing here');
  else if (request.method === 'HEAD') response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end();
  else stream(request, response);
}

function sayOnly(response: ServerResponse, status: number, text: string): void {
  if (status === 405) response.setHeader('Allow', 'GET, HEAD');
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}

function listening(server: Server, { host, port }: Place): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const remedy = REMEDIES[error.code ?? ''];
      const why = remedy === undefined ? error.message : `${remedy} (${error.code})`;
      reject(new Error(`cannot serve the page at ${bracketed(host)}:${port}: ${why}`, { cause: error }));
    });
    server.listen({ host, port }, resolve);
  });
}

const REMEDIES: Partial<Record<string, string>> = {
  EADDRINUSE: 'somebody listens there already; choose another port, or 0 for one that is free',
  EACCES: 'ports below 1024 need root; choose another one',
  EADDRNOTAVAIL: 'this machine does not have that address; choose one that it has',
  ENOTFOUND: 'no such name; choose an address that this machine has',
  EAI_AGAIN: 'that name cannot be resolved now; choose an address that this machine has',
};
