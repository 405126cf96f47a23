import { waysIn, isPossible, isRewritten } from './arrivals';
import { parseBacklog } from './backlogs';
import type { Cell } from './cell';
import type { Comparison } from './comparison';
import { wayOf } from './ways';

/** Marks code in a sentence. */
type Code = (text: string) => string;

/** What the cells say, in words. Each sentence is made of measured cells, and left out where they do not bear it. */
export function findings({ cells, network }: Comparison, code: Code): string[] {
  const raw = cells.filter(({ way }) => wayOf(way).who === 'listenq');
  const net = cells.filter(({ way }) => wayOf(way).who === 'net.Server');
  return [
    ...rawFindings(raw, code),
    ...deafFindings(net, code),
    ...netFindings(net.filter((cell) => !isDeaf(net, cell)), code),
    ...clampFindings(net, network.somaxconn),
  ];
}

function rawFindings(raw: readonly Cell[], code: Code): string[] {
  const possible = raw.filter(isPossible);
  const exact = possible.filter((cell) => cell.arrived !== null && !isRewritten(cell));
  const refused = raw.filter(({ error, calls }) => error !== null && calls?.length === 0);
  const sentences: string[] = [];
  if (possible.length > 0) {
    sentences.push(
      exact.length === possible.length
        ? `listenq handed listen(2) every int32 as it was asked for: ${list(exact, code)}.`
        : `listenq did NOT hand over as asked: ${list(possible.filter((cell) => !exact.includes(cell)), code)}.`,
    );
  }
  if (refused.length > 0) {
    const codes = [...new Set(refused.map(({ error }) => error as string))].map(code).join(' or ');
    sentences.push(`listenq refused what is no int32, with ${codes} and before any listen(2): ${list(refused, code)}.`);
  }
  return sentences;
}

/** Whether the cell's way handed over one and the same integer whatever it was asked for. */
function isDeaf(net: readonly Cell[], { way }: Cell): boolean {
  const ofWay = net.filter((cell) => cell.way === way);
  const arrived = new Set(ofWay.map((cell) => cell.arrived));
  return arrived.size === 1 && !arrived.has(null) && ofWay.filter(isPossible).length >= 3;
}

function deafFindings(net: readonly Cell[], code: Code): string[] {
  const deaf = net.filter((cell) => isDeaf(net, cell));
  return waysIn(deaf, 'tcp').map(({ id, call }) => {
    const arrived = deaf.find(({ way }) => way === id)?.arrived ?? '';
    return `net.Server ${code(call)} ignores n: ${code(String(arrived))} arrived each time.`;
  });
}

/** What became of a backlog by one way. */
function fate({ arrived, error }: Cell): string {
  return error ?? String(arrived);
}

function netFindings(net: readonly Cell[], code: Code): string[] {
  const heard = net.filter(({ arrived, error }) => arrived !== null || error !== null);
  const byBacklog = Map.groupBy === undefined ? groupByAsked(heard) : Map.groupBy(heard, ({ asked }) => asked);
  const agreed = [...byBacklog.values()].filter((cells) => new Set(cells.map(fate)).size === 1).map((cells) => cells[0] as Cell);
  const split = [...byBacklog.values()].filter((cells) => new Set(cells.map(fate)).size > 1);
  const ways = new Set(heard.map(({ way }) => way)).size;
  const everyWay = ways > 1 ? `, by ${deafExist(net) ? 'each of the other' : 'each of the'} ${ways} ways` : '';
  const sentences: string[] = [];
  const same = agreed.filter((cell) => cell.error === null && Object.is(parseBacklog(cell.asked), cell.arrived));
  if (same.length > 0) sentences.push(`net.Server handed over as asked${everyWay}: ${list(same, code)}.`);
  const fates = new Set(agreed.filter((cell) => !same.includes(cell)).map(fate));
  for (const outcome of fates) {
    const cells = agreed.filter((cell) => !same.includes(cell) && fate(cell) === outcome);
    const verb = cells[0]?.error === null ? 'rewrote to' : 'failed with';
    sentences.push(`net.Server ${verb} ${code(outcome)}${everyWay}: ${list(cells, code)}.`);
  }
  return [...sentences, ...split.map((cells) => splitFinding(cells, code))];
}
