import type { Terminal } from '../terminal';
import { counted } from '../words';
import { History } from './history';
import { jsonLine } from './json';
import { Owners } from './owners';
import { ratesBetween, takeSample, type Sample } from './sample';
import { Screen } from './screen';
import { LONGEST_HISTORY } from './listener-columns';
import { viewLines, type Room, type View } from './table';

export interface Plan {
  /** Only listeners on these ports; undefined for all. */
  ports: readonly number[] | undefined;
  intervalMs: number;
  /** How many samples; Infinity until the signal. */
  count: number;
}

/** What a table may take that goes elsewhere than to a screen. */
const PAPER: Room = { columns: 140, lines: Infinity };

/** Takes samples until the plan is done or the signal comes, and hands each to `show`. */
export async function watch(plan: Plan, signal: AbortSignal, show: (view: View) => void): Promise<void> {
  const [owners, history] = [new Owners(), new History(LONGEST_HISTORY)];
  let before: Sample | undefined;
  for (let taken = 0; taken < plan.count && !signal.aborted; taken++) {
    if (taken > 0 && !(await slept(plan.intervalMs, signal))) return;
    const sample = takeSample(owners);
    const rates = before === undefined ? undefined : ratesBetween(before, sample);
    history.add(sample.listeners);
    before = sample;
    // Chosen only now: what the namespace accepted follows from all its queues.
    show({ sample: { ...sample, listeners: sample.listeners.filter(isChosen(plan)) }, rates, history });
  }
}

function isChosen({ ports }: Plan): (socket: Sample['listeners'][number]) => boolean {
  return ({ address }) => ports === undefined || (address.family !== 'unix' && ports.includes(address.port));
}

/** False if the signal came before the time was up. */
function slept(ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (): void => {
      signal.removeEventListener('abort', aborted);
      resolve(true);
    };
    const timer = setTimeout(done, ms);
    const aborted = (): void => {
      clearTimeout(timer);
      resolve(false);
    };
    signal.addEventListener('abort', aborted, { once: true });
  });
}

/** A table for each sample, one below the other. */
export async function watchAsTables(plan: Plan, signal: AbortSignal, terminal: Terminal): Promise<void> {
  let first = true;
  await watch(plan, signal, (view) => {
    const time = plan.count === 1 ? [] : [`${first ? '' : '\n'}${view.sample.time.toISOString()}`];
    process.stdout.write(`${[...time, ...viewLines(view, PAPER, terminal)].join('\n')}\n`);
    first = false;
  });
}

/** A JSON object on a line for each sample. */
export async function watchAsJson(plan: Plan, signal: AbortSignal): Promise<void> {
  await watch(plan, signal, (view) => {
    process.stdout.write(`${jsonLine(view)}\n`);
  });
}

/** The terminal, drawn anew with each sample and when its size changes. */
export async function watchOnScreen(plan: Plan, ended: AbortController, terminal: Terminal): Promise<void> {
  let last: View | undefined;
  const draw = (): void => {
    if (last === undefined) return;
    const title = `listenq watch  ${last.sample.time.toTimeString().slice(0, 8)}  every ${plan.intervalMs / 1000} s  ${counted(last.sample.listeners.length, 'listener')}  q ends`;
    const room = { columns: screen.columns, lines: screen.rows - 2 };
    screen.draw([title, '', ...viewLines(last, room, terminal)]);
  };
  const screen = new Screen(process.stdout, process.stdin, {
    onEnd: () => {
      ended.abort();
    },
    onRedraw: draw,
  });
  try {
    await watch(plan, ended.signal, (view) => {
      last = view;
      draw();
    });
  } finally {
    screen.close();
  }
}
