import type { Grid } from '../grid';
import { GROUPS } from '../model/case';
import { differences, tallyOfVerdicts } from '../model/report';
import type { ModelCase, ModelOutput, ReportData } from './data';
import type { Figures } from './figure';
import { markup, prose, type Html } from './html';
import { PANELS, pairsOf, SCATTER_KEYS, scatterPlots, type Pair } from './model-plots';
import { note, notMeasured } from './note';
import { row, type Section } from './section';

/** What was predicted of the kernel, against what it did. */
export function modelSection({ model }: ReportData, figures: Figures): Section {
  return {
    id: 'model',
    title: 'Predictions, and what the kernel did',
    body: 'why' in model ? notMeasured(model.why) : measured(model.measured, figures),
  };
}

function measured({ cases, summary, seed, random, seconds }: ModelOutput, figures: Figures): Html {
  const { pairs, left } = pairsOf(cases);
  const bounded = left === 0 ? '' : ` Left out: ${left} queues that were too long to be filled to the end.`;
  return markup`<p>
      ${prose(
        `\`explainBacklog()\` predicted ${summary.predicted} combinations of a backlog and the limits of the kernel, and each was done in a private network ` +
          `namespace: how many clients wait, what the next ones see, how many half-open connections fit, which counters move, when SYNs come again. ` +
          `${random} of each random kind are from seed ${seed}. It took ${Math.round(seconds)} s.`,
      )}
    </p>
    ${verdict(summary)}
    ${figures.table('Predictions by group. One holds if all that was predicted of a combination came so.', tally(cases))}
    ${failures(cases, figures)}
    ${reasons(cases)}
    ${figures.plot(
      `Predicted against observed. The larger a mark, the more combinations came to that; on the line, it is as predicted.${bounded}`,
      SCATTER_KEYS,
      scatterPlots(pairs),
    )}
    <details>
      <summary>The numbers of the figure</summary>
      ${figures.table('How many combinations came to each pair of numbers.', pairGrid(pairs))}
    </details> `;
}

function verdict({ predicted, held, failed, notRun }: ModelOutput['summary']): Html {
  const rest = notRun === 0 ? '' : ` ${notRun} could not be run.`;
  return failed === 0
    ? note('good', `${held} of ${predicted} held.`, `None failed.${rest}`)
    : note(
        'bad',
        `${failed} of ${predicted} failed.`,
        `That is a bug in the model, or news of this kernel.${rest}`,
      );
}

function tally(cases: readonly ModelCase[]): Grid {
  const groups = [...GROUPS, 'together'].map((group) => ({
    group,
    ...tallyOfVerdicts(cases.filter((one) => group === 'together' || one.group === group)),
  }));
  return {
    head: ['group', 'predicted', 'held', 'failed', 'not run'],
    rows: groups
      .filter(({ predicted }) => predicted > 0)
      .map(({ group, predicted, held, failed, notRun }) => [
        ...row([group, predicted, held]),
        ...row([failed], failed > 0 ? 'red' : undefined),
        ...row([notRun], notRun > 0 ? 'yellow' : undefined),
      ]),
    textColumns: [0],
  };
}

function failures(cases: readonly ModelCase[], figures: Figures): Html {
  const failed = cases.flatMap((one) => (one.verdict === 'failed' ? [one] : []));
  if (failed.length === 0) return markup``;
  return figures.table('Predictions that failed.', {
    head: ['combination', 'predicted and found'],
    rows: failed.map(({ title, predicted, found }) => row([title, differences(predicted, found).join('; ')])),
    textColumns: [0, 1],
  });
}

function reasons(cases: readonly ModelCase[]): Html {
  const why = cases.flatMap((one) => (one.verdict === 'not run' ? [one.reason] : []));
  const each = [...new Set(why)].map((reason) => ({
    reason,
    count: why.filter((one) => one === reason).length,
  }));
  return markup`${each.map(({ reason, count }) => note('warn', `${count} not run.`, reason))}`;
}

/** A row for each pair, and how many came to it in each panel. */
function pairGrid(pairs: readonly Pair[]): Grid {
  const rows = new Map<string, Pair[]>();
  for (const pair of [...pairs].sort((a, b) => a.predicted - b.predicted || a.observed - b.observed)) {
    const key = `${pair.predicted} ${pair.observed}`;
    rows.set(key, [...(rows.get(key) ?? []), pair]);
  }
  return {
    head: ['predicted', 'observed', ...PANELS.map((panel) => panel.replace(': ', ':\n'))],
    rows: [...rows.values()].map((alike) => {
      const { predicted, observed } = alike[0] as Pair;
      const counts = PANELS.map((panel) => alike.find((pair) => pair.panel === panel)?.count ?? '–');
      return [
        ...row([predicted]),
        ...row([observed], predicted === observed ? undefined : 'red'),
        ...row(counts),
      ];
    }),
    textColumns: [],
  };
}
