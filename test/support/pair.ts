import { Connection, connect, listen } from 'listenq';
import * as c from 'listenq/syscalls';

/** Two ends of a TCP connection on loopback; `use` may close them. */
export function withTcp<T>(use: (client: Connection, server: Connection) => T): T {
  const listener = listen({ host: '127.0.0.1' });
  const { port } = listener.address() as { port: number };
  const client = connect({ host: '127.0.0.1', port });
  const server = listener.accept();
  listener.close();
  return during(client, server, use);
}

/** Two ends of a Unix-domain connection. */
export function withUnix<T>(use: (a: Connection, b: Connection) => T, type: number = c.SOCK_STREAM): T {
  const [a, b] = c.socketpair(c.AF_UNIX, type);
  return during(Connection.from(a), Connection.from(b), use);
}

function during<T>(a: Connection, b: Connection, use: (a: Connection, b: Connection) => T): T {
  const close = (): void => {
    a.close();
    b.close();
  };
  let result: T;
  try {
    result = use(a, b);
  } catch (error) {
    close();
    throw error;
  }
  if (result instanceof Promise) return result.finally(close) as T;
  close();
  return result;
}
