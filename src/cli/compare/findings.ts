import { isPossible, isRewritten } from './arrivals';
import { parseBacklog } from './backlogs';
import type { Cell } from './cell';
import type { Comparison } from './comparison';
import { wayOf, type WayId } from './ways';

/** Marks code in a sentence. */
export type Code = (text: string) => string;

/** What the cells say, in words. Each sentence is made of measured cells, and left out where they do not bear it. */
export function findings({ cells, network }: Comparison, code: Code): string[] {
  const raw = cells.filter(({ way }) => wayOf(way).who === 'listenq');
  const net = cells.filter(({ way, failure }) => wayOf(way).who === 'net.Server' && failure === null);
  const deaf = deafWays(net);
  const hearing = net.filter(({ way }) => !deaf.has(way));
  return [
    ...rawFindings(raw, code),
    ...[...deaf].map(([way, arrived]) => {
      const { call } = wayOf(way);
      return `net.Server's ${code(call)} does not hear n: ${code(String(arrived))} arrived each time.`;
    }),
    ...hearingFindings(hearing, deaf.size > 0, code),
    ...clampFindings(net, network.somaxconn, code),
  ];
}

function rawFindings(raw: readonly Cell[], code: Code): string[] {
  const sentences: string[] = [];
  const possible = raw.filter((cell) => isPossible(cell) && cell.calls !== null);
  const off = possible.filter((cell) => cell.arrived === null || isRewritten(cell));
  if (off.length > 0) sentences.push(`listenq did NOT hand over as asked: ${list(off, code)}.`);
  else if (possible.length > 0) {
    sentences.push(`listenq hands listen(2) each int32 as it is asked for: ${list(possible, code)}.`);
  }
  const refused = raw.filter(({ error, calls }) => error !== null && calls?.length === 0);
  if (refused.length > 0) {
    const codes = [...new Set(refused.map(({ error }) => code(error as string)))].join(' or ');
    sentences.push(`It refuses the rest with ${codes}, before any listen(2): ${list(refused, code)}.`);
  }
  return sentences;
}

/** The ways that hand over one and the same integer whatever they are asked for, and that integer. */
function deafWays(net: readonly Cell[]): Map<WayId, number> {
  const deaf = new Map<WayId, number>();
  for (const way of new Set(net.map((cell) => cell.way))) {
    const ofWay = net.filter((cell) => cell.way === way);
    const [arrived, ...others] = new Set(ofWay.map((cell) => cell.arrived));
    // One or two backlogs that come to the same prove nothing.
    if (others.length > 0 || arrived === undefined || arrived === null || ofWay.filter(isPossible).length < 3)
      continue;
    deaf.set(way, arrived);
  }
  return deaf;
}

/** What became of a backlog by one way; undefined if nobody saw. */
function fate({ arrived, error }: Cell): string | undefined {
  return error ?? (arrived === null ? undefined : String(arrived));
}

function hearingFindings(cells: readonly Cell[], othersAreDeaf: boolean, code: Code): string[] {
  const seen = cells.filter((cell) => fate(cell) !== undefined);
  const count = new Set(seen.map(({ way }) => way)).size;
  const by =
    count < 2 ? '' : ` (${count === 2 ? 'both' : `all ${count}`} ${othersAreDeaf ? 'other ' : ''}ways)`;
  const byBacklog = [...new Set(seen.map(({ asked }) => asked))].map((asked) =>
    seen.filter((cell) => cell.asked === asked),
  );
  const agreeing = byBacklog.filter((row) => new Set(row.map(fate)).size === 1).map((row) => row[0] as Cell);
  const disagreeing = byBacklog.filter((row) => new Set(row.map(fate)).size > 1);
  const same = agreeing.filter(({ asked, arrived }) => Object.is(parseBacklog(asked), arrived));
  const sentences = same.length === 0 ? [] : [`net.Server hands over as asked: ${list(same, code)}${by}.`];
  const rest = agreeing.filter((cell) => !same.includes(cell));
  for (const outcome of new Set(rest.map(fate))) {
    const alike = rest.filter((cell) => fate(cell) === outcome);
    const made = `${code(outcome as string)} of ${list(alike, code)}`;
    const failed = `${list(alike, code)} with ${code(outcome as string)}`;
    sentences.push(`net.Server ${alike[0]?.error === null ? `makes ${made}` : `refuses ${failed}`}${by}.`);
  }
  return [...sentences, ...disagreeing.map((row) => disagreement(row, code))];
}

/** One backlog of which the ways make different things. */
function disagreement(row: readonly Cell[], code: Code): string {
  const outcomes = [...new Set(row.map(fate))].map((outcome) => {
    const calls = row.filter((cell) => fate(cell) === outcome).map(({ way }) => code(wayOf(way).call));
    return `${code(outcome as string)} by ${calls.join(', ')}`;
  });
  return `What net.Server makes of ${code(row[0]?.asked ?? '')} depends on the call: ${outcomes.join('; ')}.`;
}

/** Whether net.Server itself ever held a backlog down to somaxconn. */
function clampFindings(net: readonly Cell[], somaxconn: number | undefined, code: Code): string[] {
  if (somaxconn === undefined) return [];
  const above = net.filter(({ arrived }) => arrived !== null && arrived >>> 0 > somaxconn);
  if (above.length === 0) return [];
  const held = above.filter(({ filling }) => filling?.limit === somaxconn);
  if (held.length < above.length) return [];
  const integers = [...new Set(above.map(({ arrived }) => code(String(arrived))))].join(', ');
  return [
    `net.Server does not clamp to somaxconn (${somaxconn}): ${integers} reached listen(2). The kernel does, and reads the integer as unsigned.`,
  ];
}

function list(cells: readonly Cell[], code: Code): string {
  return [...new Set(cells.map(({ asked }) => asked))].map(code).join(', ');
}
