import { inspect } from 'node:util';

/** An error as plain data, for another thread: structured clone alone drops `code` and its like. */
export interface PortableError {
  name: string;
  message: string;
  stack: string | undefined;
  properties: Record<string, unknown>;
}

const STANDARD: Readonly<Record<string, ErrorConstructor>> = {
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};
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
  const error = new (STANDARD[name] ?? Error)(message);
  const hidden = { configurable: true, enumerable: false, writable: true };
  if (error.name !== name) Object.defineProperty(error, 'name', { value: name, ...hidden });
  Object.defineProperty(error, 'stack', { value: stack, ...hidden });
  return Object.assign(error, properties);
}

function packed(error: Error): PortableError {
  const own = Object.entries(error).filter(([key]) => !NOT_COPIED.has(key));
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  // Those two are often there without being own and enumerable.
  if (code !== undefined) own.push(['code', code]);
  if (cause !== undefined) own.push(['cause', cause]);
  return {
    name: error.name,
    message: error.message,
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
