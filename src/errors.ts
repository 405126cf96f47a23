import * as os from 'node:os';
import * as util from 'node:util';
import type { Address } from './address';

/** listen(2) and its kin are Linux's here; elsewhere the package loads and each call says so. */
export const SUPPORTED = process.platform === 'linux';

/** What is known of a refused call besides its number. */
export interface CallDetails {
  address?: Address;
  /** The file, of a call that reads one. */
  path?: string;
  /** What strerror(3) says, for numbers that Node has no text for. */
  meaning?: string;
  /** The option and its value, of a call that sets one. */
  asked?: string;
}

/**
 * A system call that the kernel refused, shaped as Node's own errors are: `code` ('EADDRINUSE'), `errno` (negative),
 * `syscall` ('bind'), and `address` and `port`, or `path`, where the call had an address.
 */
export class SystemCallError extends Error {
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;
  declare readonly address?: string;
  declare readonly port?: number;
  declare readonly path?: string;

  readonly #details: CallDetails;

  constructor(errno: number, syscall: string, details: CallDetails = {}) {
    const { address, path, meaning, asked } = details;
    const code = codeOf(errno);
    const text = util.getSystemErrorMap().get(errno)?.[1] ?? meaning ?? 'unknown error';
    const place =
      address === undefined ? (path === undefined ? '' : ` ${path}`) : ` ${formatAddress(address)}`;
    const what = asked === undefined ? '' : `, asked for ${asked}`;
    const advice = path === undefined ? adviceFor(code, syscall, address) : adviceForFile(code, path);
    super(`${syscall} ${code}: ${text}${place}${what}${advice === undefined ? '' : ` (${advice})`}`);
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
    this.#details = details;
    if (path !== undefined) this.path = path;
    else if (address?.family === 'unix') this.path = address.path;
    else if (address !== undefined) Object.assign(this, { address: address.address, port: address.port });
  }

  /** The same refusal, of a call of which more is known. */
  with(details: CallDetails): SystemCallError {
    return new SystemCallError(this.errno, this.syscall, { ...this.#details, ...details });
  }
}
Object.defineProperty(SystemCallError.prototype, 'name', { value: 'SystemCallError', configurable: true });

/** What the manual calls the number. Node's own name for 95 is ENOTSUP, the other word for it in POSIX. */
function codeOf(errno: number): string {
  const { errno: numbers } = os.constants;
  if (-errno === numbers.EOPNOTSUPP) return 'EOPNOTSUPP';
  const known = util.getSystemErrorMap().get(errno)?.[0];
  return known ?? Object.entries(numbers).find(([, number]) => number === -errno)?.[0] ?? `E${-errno}`;
}

/** What the addon throws: the one place where an errno becomes an error. */
export function makeSystemCallError(errno: number, syscall: string, meaning?: string): SystemCallError {
  return new SystemCallError(errno, syscall, meaning === undefined ? {} : { meaning });
}

/** Runs a system call that names `address`, so that its error names it too. */
export function naming<T>(address: Address, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw error instanceof SystemCallError ? error.with({ address }) : error;
  }
}

/** Runs a system call on behalf of what was asked for, so that its error says so. */
export function asking<T>(asked: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw error instanceof SystemCallError ? error.with({ asked }) : error;
  }
}

/** Time is up: what the kernel would say, had it waited as long. */
export function timedOut(syscall: string): SystemCallError {
  return makeSystemCallError(-os.constants.errno.ETIMEDOUT, syscall);
}

/** Whether the kernel refused, with one of these codes or, without any, with whichever. */
export function isSystemError(error: unknown, ...codes: string[]): error is SystemCallError {
  return error instanceof SystemCallError && (codes.length === 0 || codes.includes(error.code));
}

/** Whether descriptors or memory have run out. accept(2), ERRORS. */
export function isShortage(error: unknown): error is SystemCallError {
  return isSystemError(error, 'EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM');
}

/** Whether it is an error of this package, or of Node's, with one of these codes. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && codes.includes(code);
}

export function formatAddress(address: Address): string {
  if (address.family === 'unix')
    return address.path.startsWith('\0') ? `@${address.path.slice(1)}` : address.path;
  return address.family === 'IPv6'
    ? `[${address.address}]:${address.port}`
    : `${address.address}:${address.port}`;
}

/** What to do about it, where that is not plain from the code. */
function adviceFor(code: string, syscall: string, address: Address | undefined): string | undefined {
  const port = address !== undefined && address.family !== 'unix' ? address.port : undefined;
  switch (code) {
    case 'EADDRINUSE':
      if (address?.family === 'unix') {
        if (address.path.startsWith('\0')) return 'another socket has that name';
        return 'something is there already: remove it if it is the socket file of a server that is gone';
      }
      return `another socket holds it: see "ss -ltnp${port === undefined ? '' : ` sport = :${port}`}"`;
    case 'EADDRNOTAVAIL':
      return syscall === 'bind'
        ? 'no interface here has that address: see "ip addr", or use freebind'
        : undefined;
    case 'ENOENT':
      if (syscall === 'sock_diag') {
        return address === undefined
          ? 'the kernel has no unix_diag, or the socket is of another network namespace'
          : 'there is no such socket in this network';
      }
      return syscall === 'bind' ? 'the folder does not exist' : 'no server has made that path';
    case 'ETIMEDOUT':
      if (syscall === 'accept') return 'nobody connected in that time';
      return syscall === 'connect' ? 'no answer in that time' : undefined;
    case 'EACCES':
      if (address?.family === 'unix')
        return 'it needs write permission: on the folder to bind, on the file to connect';
      return syscall === 'bind' && port !== undefined
        ? 'ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE'
        : undefined;
    case 'EMFILE':
      return 'this process is at its descriptor limit: close some, or raise it with setrlimit(RLIMIT_NOFILE)';
    case 'ENFILE':
      return 'the system is at fs.file-max';
    case 'EINVAL':
      return syscall === 'getsockopt' ? 'of a listener: the socket does not listen' : undefined;
    case 'EPERM':
      if (syscall === 'sock_diag') return 'it needs CAP_NET_ADMIN';
      return syscall === 'setsockopt' || syscall === 'unshare'
        ? 'it needs a capability: see capabilities(7)'
        : undefined;
    case 'ECONNREFUSED':
      return 'nothing listens there';
    default:
      return undefined;
  }
}

function adviceForFile(code: string, path: string): string | undefined {
  return code === 'ENOENT' && path.startsWith('/proc/') ? 'is /proc mounted?' : undefined;
}

type Coded<E extends Error> = E & { code: string };

function coded<E extends Error>(error: E, code: string): Coded<E> {
  return Object.assign(error, { code });
}

/** An argument of the wrong type. `expected` continues "must be". */
export function invalidArgType(name: string, expected: string, value: unknown): Error {
  if (!SUPPORTED) return platformUnsupported();
  return coded(
    new TypeError(`${name} must be ${expected}. Received ${received(value)}`),
    'ERR_INVALID_ARG_TYPE',
  );
}

/** A number of the right type outside what the call takes. */
export function outOfRange(name: string, expected: string, value: unknown): Error {
  if (!SUPPORTED) return platformUnsupported();
  return coded(
    new RangeError(`${name} must be ${expected}. Received ${util.inspect(value)}`),
    'ERR_OUT_OF_RANGE',
  );
}

/** A value of the right type that the call cannot mean. `reason` continues the name. */
export function invalidArgValue(name: string, reason: string, value: unknown): Error {
  if (!SUPPORTED) return platformUnsupported();
  return coded(new TypeError(`${name} ${reason}. Received ${received(value)}`), 'ERR_INVALID_ARG_VALUE');
}

export function badPort(name: string, value: number): Error {
  if (!SUPPORTED) return platformUnsupported();
  return coded(
    new RangeError(`${name} must be a whole number from 0 to 65535. Received ${util.inspect(value)}`),
    'ERR_SOCKET_BAD_PORT',
  );
}

export function listenerClosed(call: string): Error {
  return coded(
    new Error(`${call}: the listener is closed (by this thread or another); listen() makes a new one`),
    'ERR_LISTENER_CLOSED',
  );
}

export function serverNotRunning(call: string): Error {
  return coded(
    new Error(`${call}: the server does not listen: call it after 'listening', and before close()`),
    'ERR_SERVER_NOT_RUNNING',
  );
}

export function serverListens(call: string): Error {
  return coded(
    new Error(`${call}: the server listens already: close() it first`),
    'ERR_SERVER_ALREADY_LISTEN',
  );
}

export function serverHasNoDescriptor(call: string): Error {
  return coded(
    new Error(
      `${call}: this process does not hold the server's socket. In a cluster worker the primary process does, ` +
        'unless cluster.schedulingPolicy is SCHED_NONE, or the server listens with exclusive: true',
    ),
    'ERR_SERVER_NO_DESCRIPTOR',
  );
}

export function loopClosed(call: string): Error {
  return coded(
    new Error(`${call}: the accept loop is closed, and so are its listeners; acceptLoop() makes a new one`),
    'ERR_LISTENER_CLOSED',
  );
}

export function acceptThreadEnded(): Error {
  return coded(
    new Error('the accept thread has ended, and nobody told it to; the listeners are closed'),
    'ERR_ACCEPT_THREAD_ENDED',
  );
}

/** `reason` continues "the thread that loads it". */
export function handlerNotLoaded(reason: string): Error {
  return coded(
    new Error(`serveBlocking: options.handler is not loaded: the thread that loads it ${reason}`),
    'ERR_HANDLER_NOT_LOADED',
  );
}

export function connectionClosed(call: string): Error {
  return coded(new Error(`${call}: the connection is closed, or was given away`), 'ERR_CONNECTION_CLOSED');
}

export function connectionEnded(wanted: number, got: number): Error {
  return coded(
    new Error(
      `recvExactly: the peer ended the stream after ${got} of ${wanted} bytes; recv() still gives those`,
    ),
    'ERR_CONNECTION_ENDED',
  );
}

export function endedWithoutDescriptor(): Error {
  return coded(
    new Error('receiveDescriptor: the peer ended the stream, and sent no descriptor before'),
    'ERR_CONNECTION_ENDED',
  );
}

export function notOneDescriptor(count: number): Error {
  const brought = count === 0 ? 'data and no descriptor' : `${count} descriptors, which are closed`;
  return coded(
    new Error(`receiveDescriptor: the message must bring one descriptor, and brought ${brought}`),
    'ERR_NOT_ONE_DESCRIPTOR',
  );
}

/** What a service manager left in the environment. */
export function listenFdsInvalid(reason: string, value: unknown): Error {
  return coded(new Error(`listenFds: ${reason}. It is ${util.inspect(value)}`), 'ERR_INVALID_LISTEN_FDS');
}

/** A socket of a kind that Node has no class for; the code is Node's own. */
export function invalidFdType(call: string, kind: string): Error {
  return coded(new TypeError(`${call}: Node has no server for ${kind} sockets`), 'ERR_INVALID_FD_TYPE');
}

export function interrupted(call: string): Error {
  return coded(new Error(`${call}: another thread called interrupt() on this one`), 'ERR_INTERRUPTED');
}

export function illegalConstructor(name: string, instead: string): Error {
  return coded(new TypeError(`${name} is not made with new: use ${instead}`), 'ERR_ILLEGAL_CONSTRUCTOR');
}

export function platformUnsupported(): Error {
  return coded(
    new Error(
      `listenq needs Linux; this is ${process.platform}. The package loads here, its calls do not work`,
    ),
    'ERR_PLATFORM_UNSUPPORTED',
  );
}

export function addonNotLoadable(cause: unknown): Error {
  const detail = cause instanceof Error ? cause.message : String(cause);
  const message =
    `listenq: no build of the addon fits this machine (${process.arch}, Node ${process.version}). ` +
    `With python3, make and g++ at hand, "npm rebuild listenq" makes one. ${detail}`;
  return coded(new Error(message, { cause }), 'ERR_ADDON_NOT_LOADABLE');
}

/** `option` takes the module from whoever has it elsewhere. */
/** `install`: what npm is to be told. */
export function metricsLibraryMissing(name: string, install: string, option: string, cause: unknown): Error {
  const message = `${name} is not installed: "npm install ${install}" does that; or pass the module as options.${option}`;
  return coded(new Error(message, { cause }), 'ERR_METRICS_LIBRARY_MISSING');
}

export function metricsLibraryTooOld(name: string, found: string, needed: string, install: string): Error {
  return coded(
    new Error(
      `${name} ${found} is too old: ${needed} or later is needed, "npm install ${install}" brings it`,
    ),
    'ERR_METRICS_LIBRARY_TOO_OLD',
  );
}

/** `count`: how many of the names are. */
export function metricsNamesTaken(first: string, count: number): Error {
  const more = count === 1 ? '' : ` and ${count - 1} more of these names`;
  return coded(
    new Error(
      `prometheusMetrics: the registry has ${first}${more} already. close() the metrics that were made before, or choose ` +
        'another options.prefix or options.registry',
    ),
    'ERR_METRICS_NAMES_TAKEN',
  );
}

export function metricsClosed(call: string): Error {
  return coded(
    new Error(
      `${call}: these metrics are closed; prometheusMetrics() or openTelemetryMetrics() makes others`,
    ),
    'ERR_METRICS_CLOSED',
  );
}

function received(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value === 'object') {
    // An object without a prototype has no constructor, whatever its type says.
    const maker = (value as { constructor?: { name: string } }).constructor?.name;
    return maker === undefined ? util.inspect(value) : `an instance of ${maker}`;
  }
  return `type ${typeof value} (${util.inspect(value).slice(0, 140)})`;
}

/** libuv's numbers for what getaddrinfo(3) answers, which are those in errors of node:dns. */
const EAI_NAMES: Readonly<Record<number, [code: string, errno: number]>> = {
  [-2]: ['ENOTFOUND', -3008],
  [-3]: ['EAI_AGAIN', -3001],
  [-4]: ['EAI_FAIL', -3004],
  [-5]: ['ENOTFOUND', -3007],
  [-6]: ['EAI_FAMILY', -3005],
  [-10]: ['EAI_MEMORY', -3006],
};

/** A host name that was not found. `reason` is getaddrinfo(3)'s EAI_* number (Linux), or a code. */
export function resolutionFailed(hostname: string, reason: number | string): Error {
  const [code, errno] =
    typeof reason === 'string'
      ? [reason, -os.constants.errno.ETIMEDOUT]
      : (EAI_NAMES[reason] ?? [`EAI_${-reason}`, reason]);
  return coded(
    Object.assign(new Error(`getaddrinfo ${code} ${hostname}`), { errno, syscall: 'getaddrinfo', hostname }),
    code,
  );
}
