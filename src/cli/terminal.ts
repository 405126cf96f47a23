/** Where a command writes to, and how much it may do there. */
export interface Terminal {
  /** Escape sequences for colour are welcome. */
  colours: boolean;
}

export type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

const CODES: Readonly<Record<Colour, readonly [on: number, off: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

/** Colours only on a terminal that has them, and never against NO_COLOR (https://no-color.org). */
export function terminalOf(
  stream: { isTTY?: boolean },
  environment: NodeJS.ProcessEnv = process.env,
): Terminal {
  const unwanted = (environment['NO_COLOR'] ?? '') !== '' || environment['TERM'] === 'dumb';
  return { colours: stream.isTTY === true && !unwanted };
}

/** The text in that colour, or as it is where there are no colours. */
export function paint(terminal: Terminal, colour: Colour, text: string): string {
  const [on, off] = CODES[colour];
  return terminal.colours ? `\x1b[${on}m${text}\x1b[${off}m` : text;
}

/** Names are chosen by whoever has them: a control character among them would command the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?');
}
