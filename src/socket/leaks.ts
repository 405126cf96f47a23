import { dirname, sep } from 'node:path';
import { debuglog } from 'node:util';
import { native } from '../native/load';

/** What is left to do for an object that was collected while it still owned a descriptor. */
interface Leak {
  kind: string;
  /** Says whether anything was open still. */
  close: () => boolean;
  madeAt: string | undefined;
}

const debug = debuglog('listenq');
/** Where the compiled package lies. */
const PACKAGE = dirname(__dirname) + sep;
/** Room for the package's own calls, and then enough of the caller's. */
const FRAMES = 50;

const leaked = new FinalizationRegistry<Leak>(({ kind, close, madeAt }) => {
  if (!close() || !native.firstLeak()) return;
  const where = madeAt === undefined ? 'NODE_DEBUG=listenq shows where it was made' : `it was made ${madeAt}`;
  process.emitWarning(`A ${kind} was collected before it was closed; ${where}`, {
    type: 'ListenqLeakWarning',
    code: 'LISTENQ_LEAK',
    detail: 'The collector closes late or never. Call close(), or declare it with "using". Warned once.',
  });
});

/** Has `close` called, and the process warned once, if `owner` is collected before `settle(owner)`. `close` must not
 * refer to `owner`. */
export function watchForLeak(owner: object, kind: string, close: () => boolean): void {
  leaked.register(owner, { kind, close, madeAt: debug.enabled ? stackHere() : undefined }, owner);
}

/** `owner` has closed its descriptor, or given it away. */
export function settle(owner: object): void {
  leaked.unregister(owner);
}

/** The calls that led here from outside the package: its own say nothing, and are more than an Error shows. */
function stackHere(): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAMES;
  const holder: { stack?: unknown } = {};
  Error.captureStackTrace(holder, watchForLeak);
  // Read before the limit is put back: it is formatted at the first look. A program may have it formatted otherwise.
  const { stack } = holder;
  Error.stackTraceLimit = limit;
  if (typeof stack !== 'string') return 'where Error.prepareStackTrace does not say';
  return stack
    .split('\n')
    .slice(1)
    .filter((frame) => !frame.includes(PACKAGE))
    .slice(0, limit)
    .join('\n')
    .trim();
}
