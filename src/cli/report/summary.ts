import { wayOf } from '../compare/ways';
import type { ReportData } from './data';
import { markup, type Html } from './html';

interface Fact {
  figure: string;
  words: string;
}

/** What one wants to know first, each a figure and what it is. */
export function summary(data: ReportData): Html {
  const facts = [capacity(data), rewritten(data), predictions(data), descriptors(data)];
  return markup`<section class="summary" aria-label="In short">
    <ul>
      ${facts
        .filter((fact) => fact !== undefined)
        .map(({ figure, words }) => markup`<li><b>${figure}</b><span>${words}</span></li>`)}
    </ul>
  </section>`;
}

function capacity({ explanations }: ReportData): Fact | undefined {
  const largest = explanations.at(-1);
  if (largest === undefined) return undefined;
  return {
    figure: String(largest.tcp.waiting),
    words: `clients can wait at one listener, whatever the backlog: net.core.somaxconn is ${largest.limits.somaxconn}`,
  };
}

/** What net.Server makes of 0, by most of its calls. */
function rewritten({ comparison }: ReportData): Fact | undefined {
  if ('why' in comparison) return undefined;
  const arrived = comparison.measured.rows
    .filter(({ way, asked }) => asked === '0' && wayOf(way).who === 'net.Server')
    .flatMap((cell) => (cell.arrived === null ? [] : [cell.arrived]));
  const [made, ...others] = new Set(arrived);
  if (made === undefined || others.length > 0) return undefined;
  return { figure: String(made), words: 'arrives at listen(2) where 0 is asked of net.Server' };
}

function predictions({ model }: ReportData): Fact {
  if ('why' in model) return { figure: '–', words: 'predictions were tested: that was not possible here' };
  const { held, predicted } = model.measured.summary;
  return { figure: `${held} of ${predicted}`, words: 'predictions of what this kernel does held' };
}

function descriptors({ machine }: ReportData): Fact | undefined {
  if (machine.descriptors === undefined) return undefined;
  const { soft } = machine.descriptors;
  return {
    figure: soft === Infinity ? 'no limit' : String(soft),
    words: 'descriptors may a process have open, started as this one was',
  };
}
