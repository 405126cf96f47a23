import { InvalidArgumentError } from './vendor';

/** An argument's parser whose errors are usage errors. */
export function usage<T, Before extends unknown[]>(
  parse: (text: string, ...before: Before) => T,
): (text: string, ...before: Before) => T {
  return (text, ...before) => {
    try {
      return parse(text, ...before);
    } catch (error) {
      throw new InvalidArgumentError(`${(error as Error).message}.`);
    }
  };
}

/** A parser of whole decimal numbers: nothing is rounded, wrapped, or read as far as it goes. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return usage((text) => {
    const number = /^[+-]?\d+$/.test(text) ? Number(text) : NaN;
    if (!(number >= min && number <= max)) throw new Error(`It must be a whole number from ${min} to ${max}`);
    return number === 0 ? 0 : number;
  });
}

/** A parser of seconds, with decimals or without. */
export function seconds(min: number, max: number): (text: string) => number {
  return usage((text) => {
    const number = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
    if (!(number >= min && number <= max)) {
      throw new Error(`It must be a number of seconds from ${min} to ${max}`);
    }
    return number;
  });
}

/** What listen(2) takes: a C int. */
export const backlogArgument = wholeNumber(-(2 ** 31), 2 ** 31 - 1);

export const portArgument = wholeNumber(0, 65535);
