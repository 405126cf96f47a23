// A cluster worker whose server has its socket from a Listener: TCP, and AF_UNIX at the path it is given.
import { listen } from 'listenq';
import { queueOf } from 'listenq/kernel';

const servers = [{ host: '127.0.0.1' }, { path: process.argv[2] as string }].map((place) => {
  const server = listen({ ...place, backlog: 0 }).toServer((socket) => socket.end(`worker ${process.pid}`));
  return { server, told: [server.listening, queueOf(server).limit, server.address()] };
});
process.send?.(servers.map(({ told }) => told));
process.once('message', () => {
  for (const { server } of servers) server.close();
  process.disconnect();
});
