import { arrivalGrid, waysIn } from '../compare/arrivals';
import type { Cell } from '../compare/cell';
import { countingNote, type Comparison } from '../compare/comparison';
import { findings } from '../compare/findings';
import { queueGrid } from '../compare/queues';
import { troubles } from '../compare/report';
import { ARRIVAL_KEYS, arrivalPlot } from './arrival-plot';
import type { CompareOutput, ReportData } from './data';
import type { Figures } from './figure';
import { markup, prose, type Html } from './html';
import { list, notMeasured } from './note';
import type { Section } from './section';

const FAMILIES = { tcp: 'TCP', unix: 'Unix-domain sockets' } as const;

/** Which integer arrives at listen(2) for each way to ask, and what the kernel makes of it. */
export function comparisonSection({ comparison }: ReportData, figures: Figures): Section {
  return {
    id: 'comparison',
    title: 'listenq and net.Server',
    body: 'why' in comparison ? notMeasured(comparison.why) : measured(comparison.measured, figures),
  };
}

function measured(output: CompareOutput, figures: Figures): Html {
  const { rows } = output;
  const words = findings(asComparison(output), (text) => `\`${text}\``);
  return markup`<p>
      ${prose(
        'For each backlog and each way to ask for it, a process really listened, and the integer was read at the system call. ' +
          `Network: ${output.network}; \`net.core.somaxconn\` ${output.somaxconn ?? 'not readable'} (${output.somaxconnNote}).`,
      )}
    </p>
    ${list(words)}
    ${troubles(rows).map((trouble) => notMeasured(trouble))}
    ${figures.plot(
      'What arrived at listen(2), against what was asked for. × n: so many of the calls of the tables below. A line leads from a number that was asked for to another one that arrived.',
      ARRIVAL_KEYS,
      [arrivalPlot(rows)],
    )}
    ${(['tcp', 'unix'] as const).map((family) => arrivals(rows, family, figures))}
    ${figures.table(
      `What the kernel made of each integer. Clients connect one after another and nobody accepts; ${countingNote(output)}.`,
      queueGrid(rows),
    )}`;
}

function arrivals(rows: readonly Cell[], family: keyof typeof FAMILIES, figures: Figures): Html {
  const ways = waysIn(rows, family);
  if (ways.length === 0) return markup``;
  return markup`${figures.table(
    `${FAMILIES[family]}: the integer that arrived at listen(2), by what was asked and how. Amber: another one than was asked for. Red: none.`,
    arrivalGrid(rows, family),
  )}${list(ways.flatMap(({ call, note }) => (note === undefined ? [] : [`\`${call}\`: ${note}.`])))}`;
}

/** As the command that measured it had it. */
function asComparison({ rows, network, somaxconn, somaxconnNote, ...rest }: CompareOutput): Comparison {
  const { countAll, countSome, awaitRetransmission, seconds } = rest;
  return {
    machine: rest,
    network: { private: rest.private, note: network, somaxconn: somaxconn ?? undefined, somaxconnNote },
    effort: { countAll, countSome, awaitRetransmission },
    seconds,
    cells: rows,
  };
}
