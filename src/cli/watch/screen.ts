const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l'; // the alternate screen, no cursor, and lines are cut at the edge
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const CLEAR_LINE = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';
const CTRL_C = '\x03';
const CTRL_Z = '\x1a';
/** What a terminal has that does not say how large it is. */
const USUAL = { columns: 80, rows: 24 };

/** The whole terminal for as long as it is open, drawn in place; afterwards it is as it was. xterm(1), ctlseqs. */
export class Screen {
  readonly #output: NodeJS.WriteStream;
  readonly #input: NodeJS.ReadStream;
  readonly #onData: (data: Buffer) => void;
  readonly #onRedraw: () => void;
  readonly #onContinue: () => void;

  /** `onEnd` hears of q and Ctrl-C, `onRedraw` when all is to be drawn again: in other room, or after a stop. */
  constructor(
    output: NodeJS.WriteStream,
    input: NodeJS.ReadStream,
    { onEnd, onRedraw }: { onEnd: () => void; onRedraw: () => void },
  ) {
    this.#output = output;
    this.#input = input;
    this.#onData = (data) => {
      if (/[qQ]/.test(data.toString('latin1')) || data.includes(CTRL_C)) onEnd();
      else if (data.includes(CTRL_Z)) this.#stop();
    };
    this.#onRedraw = onRedraw;
    this.#onContinue = () => {
      // Whoever had the terminal meanwhile may have set it otherwise; what is set already would not be set again.
      if (input.isTTY) input.setRawMode(false);
      this.#enter();
      onRedraw();
    };
    this.#enter();
    output.on('resize', onRedraw);
    process.on('SIGCONT', this.#onContinue);
    if (input.isTTY) input.on('data', this.#onData);
  }

  get columns(): number {
    return sizeOr(this.#output.columns, USUAL.columns);
  }

  get rows(): number {
    return sizeOr(this.#output.rows, USUAL.rows);
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
    this.#output.off('resize', this.#onRedraw);
    process.off('SIGCONT', this.#onContinue);
    this.#leave();
    if (this.#input.isTTY) {
      this.#input.off('data', this.#onData);
      this.#input.pause();
    }
  }

  #enter(): void {
    if (this.#input.isTTY) this.#input.setRawMode(true);
    this.#output.write(ENTER);
  }

  #leave(): void {
    if (this.#input.isTTY) this.#input.setRawMode(false);
    this.#output.write(LEAVE);
  }

  /**
   * Stops the process group, as the terminal itself does at Ctrl-Z where it is not raw: npx, which waits for this process,
   * is in it. Comes back when somebody has continued it; at once where nobody could, as the kernel stops no such group.
   */
  #stop(): void {
    this.#leave();
    process.kill(0, 'SIGTSTP');
    this.#enter();
    this.#onRedraw();
  }
}

/** Some terminals, as those of script(1) and of pty.fork(), have 0 columns. */
function sizeOr(size: number | undefined, usual: number): number {
  return size === undefined || size === 0 ? usual : size;
}
