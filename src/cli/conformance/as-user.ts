/** The number of `nobody`; any user's but root's would do. */
const NOBODY = 65534;

/** Runs `act` as an ordinary user: without capabilities, and the sockets that it makes are that user's. Needs root. */
export function asNobody<T>(act: () => T): T {
  process.seteuid?.(NOBODY);
  try {
    return act();
  } finally {
    process.seteuid?.(0);
  }
}
