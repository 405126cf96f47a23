import { debuglog } from 'node:util';

/** What is left to do for an object that was collected while it still owned a descriptor. */
interface Leak {
  kind: string;
  /** Says whether anything was open still. */
  close: () => boolean;
  madeAt: string | undefined;
}

const debug = debuglog('listenq');
let warned = false;

const leaked = new FinalizationRegistry<Leak>(({ kind, close, madeAt }) => {
  if (!close() || warned) return;
  warned = true;
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

function stackHere(): string {
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, watchForLeak);
  return (holder.stack ?? '').replace(/^Error\n\s*/, '');
}
