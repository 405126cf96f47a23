import { inspect } from 'node:util';
import { makeSystemCallError, SystemCallError } from '../errors';

/** An error as plain data, for another thread: structured clone alone drops `code` and its like. */
export interface PortableError {
  name: string;
  message: string;
  stack: string | undefined;
  properties: Record<string, unknown>;
}

const STANDARD: ReadonlyMap<string, ErrorConstructor> = new Map(
  [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((kind) => [kind.name, kind]),
);
/** What every error has, or what an error prints from elsewhere. */
const NOT_COPIED = new Set(['name', 'message', 'stack']);

/** Whatever was thrown, as data that can be posted. */
export function packError(thrown: unknown): PortableError {
  try {
    return thrown instanceof Error ? packed(thrown) : packed(wrapped(thrown));
  } catch {
    // Getters may throw, and so may inspecting a Proxy.
    return packed(new Error('A value was thrown that cannot be shown'));
  }
}

/** The error that was packed, with its message, stack and properties; an Error, or of the standard kind that it had. */
export function unpackError({ name, message, stack, properties }: PortableError): Error {
  const { errno, syscall } = properties as { errno: number; syscall: string };
  const error =
    name === SystemCallError.name
      ? makeSystemCallError(errno, syscall)
      : new (STANDARD.get(name) ?? Error)(message);
  error.message = message;
  const hidden = { configurable: true, enumerable: false, writable: true };
  if (error.name !== name) Object.defineProperty(error, 'name', { value: name, ...hidden });
  Object.defineProperty(error, 'stack', { value: stack, ...hidden });
  return Object.assign(error, properties);
}

function packed(error: Error): PortableError {
  // Whatever somebody made of them.
  const { name, message }: { name: unknown; message: unknown } = error;
  const own = Object.entries(error).filter(([key]) => !NOT_COPIED.has(key));
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  // Those two are often there without being own and enumerable.
  if (code !== undefined) own.push(['code', code]);
  if (cause !== undefined) own.push(['cause', cause]);
  return {
    name: String(name),
    message: String(message),
    stack: typeof error.stack === 'string' ? error.stack : undefined,
    properties: Object.fromEntries(own.map(([key, value]) => [key, postable(value)])),
  };
}

function wrapped(thrown: unknown): Error {
  const error = new Error(`A value was thrown that is no Error: ${inspect(thrown)}`, { cause: thrown });
  // This stack would lead here and not to where it was thrown.
  error.stack = `Error: ${error.message}`;
  return error;
}

/** The value if it can be posted, else what it looks like. */
function postable(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return inspect(value);
  }
}
