// A worker of a cluster: listens as it is told, says how it stands, echoes what clients say, and does what it is asked.
import * as net from 'node:net';
import { acceptLoopOf, attach, createServer } from 'listenq/server';
import { block } from '../accept-loop/support';
import type { Answer, Order, Question } from './cluster-support';

const order = JSON.parse(process.env['LISTENQ_ORDER'] ?? '{}') as Order;
const warnings: string[] = [];
let served = 0;
process.on('warning', (warning) => warnings.push((warning as NodeJS.ErrnoException).code ?? warning.name));

function echo(socket: net.Socket): void {
  served++;
  socket.pipe(socket);
}

function makeServer(): net.Server {
  if (order.kind === 'attach')
    return attach(net.createServer(echo), order.args[0] as object, order.loop as object | undefined);
  const server =
    order.kind === 'net'
      ? net.createServer(echo)
      : createServer(order.loop === undefined ? {} : { acceptLoop: order.loop }, echo);
  return server.listen(...(order.args as [number]));
}

function tell(answer: Partial<Answer>): void {
  process.send?.({
    ...answer,
    address: server.address(),
    loop: acceptLoopOf(server) !== undefined,
    warnings,
    served,
  });
}

const server = makeServer();
server.on('error', (error: NodeJS.ErrnoException) => tell({ error: error.code }));
// A warning is emitted in a later tick.
server.on('listening', () => setImmediate(() => tell({})));
process.on('message', ({ blockMs }: Question) => {
  if (blockMs !== undefined) block(blockMs);
  else tell({});
});
// One of its own, by exclusive or reusePort, the cluster does not know of: Node leaves it to the worker.
process.once('disconnect', () => server.listening && server.close());
