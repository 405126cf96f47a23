const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l'; // the alternate screen, no cursor, and lines are cut at the edge
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const CLEAR_LINE = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';
const CTRL_C = '\x03';

/** The whole terminal for as long as it is open, drawn in place; afterwards it is as it was. xterm(1), ctlseqs. */
export class Screen {
  readonly #output: NodeJS.WriteStream;
  readonly #input: NodeJS.ReadStream;
  readonly #onData: (data: Buffer) => void;
  readonly #onResize: () => void;

  /** `onEnd` hears of q and Ctrl-C, `onResize` of other room. */
  constructor(
    output: NodeJS.WriteStream,
    input: NodeJS.ReadStream,
    { onEnd, onResize }: { onEnd: () => void; onResize: () => void },
  ) {
    this.#output = output;
    this.#input = input;
    this.#onData = (data) => {
      if (/[qQ]/.test(data.toString('latin1')) || data.includes(CTRL_C)) onEnd();
    };
    this.#onResize = onResize;
    output.write(ENTER);
    output.on('resize', this.#onResize);
    if (input.isTTY) {
      input.setRawMode(true);
      input.on('data', this.#onData);
    }
  }

  get columns(): number {
    return this.#output.columns;
  }

  get rows(): number {
    return this.#output.rows;
  }

  draw(lines: readonly string[]): void {
    const text = lines
      .slice(0, this.rows)
      .map((line) => `${line}${CLEAR_LINE}`)
      .join('\r\n');
    this.#output.write(`${HOME}${text}${CLEAR_BELOW}`);
  }

  /** Gives the terminal back. */
  close(): void {
    this.#output.off('resize', this.#onResize);
    if (this.#input.isTTY) {
      this.#input.off('data', this.#onData);
      this.#input.setRawMode(false);
      this.#input.pause();
    }
    this.#output.write(LEAVE);
  }
}
