/** How long samples are kept, and at most so many characters of them: where there are thousands of listeners, for less. */
const KEPT_MS = 10 * 60_000;
const KEPT_CHARACTERS = 8 * 2 ** 20;

interface Kept {
  at: number;
  text: string;
}

/** The last samples as text, each made once for all who read. They are numbered from 1 on. */
export class Recent {
  readonly #kept: Kept[] = [];
  #first = 1;
  #characters = 0;

  /** The number of the oldest that is kept. */
  get first(): number {
    return this.#first;
  }

  /** The number of the newest; 0 before there is one. */
  get last(): number {
    return this.#first + this.#kept.length - 1;
  }

  /** Keeps a sample that was taken `at` that time, in milliseconds; `textOf` is given its number. */
  add(at: number, textOf: (number: number) => string): void {
    const text = textOf(this.last + 1);
    this.#kept.push({ at, text });
    this.#characters += text.length;
    let oldest = this.#kept[0];
    while (oldest !== undefined && this.#kept.length > 1 && !this.#mayKeep(oldest, at)) {
      this.#kept.shift();
      this.#first++;
      this.#characters -= oldest.text.length;
      oldest = this.#kept[0];
    }
  }

  /** undefined if it is not kept any more, or not there yet. */
  text(number: number): string | undefined {
    return this.#kept[number - this.#first]?.text;
  }

  #mayKeep({ at }: Kept, now: number): boolean {
    return now - at <= KEPT_MS && this.#characters <= KEPT_CHARACTERS;
  }
}
