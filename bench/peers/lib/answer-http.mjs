/** What the HTTP servers do with a request: as little as an application can. */
export const answer = (_request, response) => response.end('served\n');

/** What whoever has waited too long is told instead. */
export const BUSY = Buffer.from(
  'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\nConnection: close\r\n\r\nbusy\n',
);
