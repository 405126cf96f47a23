import { options, serveAt } from './lib/peer.mjs';

const listener = globalThis.Deno.listen({ hostname: '127.0.0.1', port: 0, tcpBacklog: options.backlog });
serveAt(listener.addr.port);
const byte = new TextEncoder().encode('x');

async function answer(connection) {
  await connection.write(byte).catch(() => undefined);
  connection.close();
}

for (;;) {
  try {
    const connection = await listener.accept();
    if (options.answers) void answer(connection);
    else connection.close();
  } catch {
    // a client that has reset while it waited is no reason to end
  }
}
