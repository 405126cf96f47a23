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

interface Watched {
  readonly closed: boolean;
}

/** How many objects may wait to be registered. */
const YOUNG = 64;

/**
 * Has the descriptors of a kind of objects closed, and the process warned once, if one is collected before
 * `settle(owner)`.
 *
 * Most connections are closed soon, and registering each would cost a tenth of their accept(2): only those that are
 * still open when the event loop turns, or when 64 more were made, are registered.
 */
export class LeakWatch<Owner extends Watched> {
  readonly #kind: string;
  readonly #closerOf: (owner: Owner) => () => boolean;
  #young: Owner[] = [];
  #scheduled = false;

  /** `closerOf` makes what closes the owner's descriptor, and says whether it was open still. It must not refer to it. */
  constructor(kind: string, closerOf: (owner: Owner) => () => boolean) {
    this.#kind = kind;
    this.#closerOf = closerOf;
  }

  add(owner: Owner): void {
    if (debug.enabled) {
      this.#register(owner, stackHere());
      return;
    }
    if (this.#young.push(owner) === YOUNG) this.#registerYoung();
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#registerYoung();
    }).unref();
  }

  #registerYoung(): void {
    const young = this.#young;
    this.#young = [];
    for (const owner of young) if (!owner.closed) this.#register(owner, undefined);
  }

  #register(owner: Owner, madeAt: string | undefined): void {
    leaked.register(owner, { kind: this.#kind, close: this.#closerOf(owner), madeAt }, owner);
  }
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
  Error.captureStackTrace(holder, stackHere);
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
