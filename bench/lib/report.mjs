// The text of docs/benchmarks.md, from what was measured.
import { ratio, roundByRound, spread } from './statistics.mjs';

/** A table whose columns line up, to be read as it is and as Markdown. */
function table(header, rows) {
  const lines = [header, ...rows];
  const widths = header.map((_, i) => Math.max(3, ...lines.map((line) => line[i].length)));
  const format = (line) => `| ${line.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [format(header), rule, ...rows.map(format)].join('\n');
}

/** Prose in lines of at most 120 characters. */
function wrap(text) {
  return text.replace(/(?![^\n]{1,120}$)([^\n]{1,120})\s/g, '$1\n');
}

function inWords({ median, least, most }, digits, range = true) {
  if (!Number.isFinite(median)) return '–';
  const middle = median.toFixed(digits);
  return range && least !== most ? `${middle} (${least.toFixed(digits)} to ${most.toFixed(digits)})` : middle;
}

/** The cells of one peer: its own figures, then beside others'. */
function cells(row, samples, key) {
  const own = row.columns.map(({ value, digits, range = false }) =>
    inWords(spread(samples[key].map(value)), digits, range),
  );
  const ratios = (row.ratios ?? []).map(({ to, value }) => {
    const found = ratio(samples, key, to, value);
    return found === undefined ? '–' : inWords(found, 2);
  });
  const differences = (row.differences ?? []).map(({ to, value, digits = 0 }) => {
    const found = roundByRound(samples, key, to, value, (a, b) => a - b);
    return found === undefined ? '–' : inWords(found, digits);
  });
  return [...own, ...ratios, ...differences];
}

function section({ row, rounds, samples, unmeasured }, settings) {
  const measured = row.peers.filter((peer) => samples[peer.key] !== undefined);
  const many = rounds === 1 ? '1 round' : `${rounds} rounds`;
  const about = (end) => `## ${row.title}\n\n${wrap(`${row.about(settings)} ${end}.`)}`;
  if (measured.length === 0)
    return about(unmeasured === undefined ? 'Not measured' : `Not measured: ${unmeasured}`);
  const columns = [...row.columns, ...(row.ratios ?? []), ...(row.differences ?? [])];
  const header = ['', ...columns.map((column) => column.title)];
  const body = measured.map((peer) => [peer.name, ...cells(row, samples, peer.key)]);
  return `${about(many)}\n\n${table(header, body)}`;
}

const verdict = ({ met }) => (met === undefined ? '–' : met ? 'met' : '**missed**');

function goalTable(results) {
  const goals = results.flatMap(({ row, samples }) => row.goals.map((judge) => judge(samples)));
  if (goals.length === 0) return '';
  const rows = goals.map((goal) => [goal.what, goal.limit, goal.figure, verdict(goal)]);
  return `## Goals\n\n${table(['what', 'goal', 'figure', ''], rows)}\n`;
}

/** Every reason once, with the rows that it left without a figure. */
function leftOut(results) {
  const titles = new Map();
  const note = (reason, { title }) => titles.set(reason, [...(titles.get(reason) ?? []), title]);
  for (const { row, unmeasured, failures } of results) {
    if (unmeasured !== undefined) note(unmeasured, row);
    for (const [key, reason] of Object.entries(failures)) {
      note(`${row.peers.find((peer) => peer.key === key).name}: ${reason}`, row);
    }
  }
  if (titles.size === 0) return 'Nothing was left out.';
  return [...titles].map(([reason, rows]) => `- ${reason} (${rows.join('; ')})`).join('\n');
}

/** `run`: { title, command, settings, machine, pinning, loadBefore, network, minutes, results }. */
export function report(run) {
  const { settings, results, machine } = run;
  return `# ${run.title}

Written by \`${run.command}\`: every figure was measured in that run, nothing is typed in by hand.
What the rows mean, and why they are measured so, stands in \`bench/README.md\`.

- ${machine.machine}; ${machine.kernel}
- ${machine.versions}
- Cores: ${run.pinning}.
- Network: ${run.network}.
- Processes that wanted to run before it began (load average): ${run.loadBefore.toFixed(1)}. The fewer, the better.
- All peers take turns in each round; a figure is the median of the rounds, with the least and the most. Ratios and
  differences are taken round by round. The run took ${run.minutes} minutes.
- Compare ratios, not times: those differ from machine to machine and from run to run.

${goalTable(results)}
${results.map((result) => section(result, settings)).join('\n\n')}

## Not measured

${leftOut(results)}
`;
}
