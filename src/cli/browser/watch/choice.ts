import type { Who } from '../../watch/http/messages';
import { SERIES_COLOURS } from '../theme';

/** More lines than that are hard to tell apart unless somebody asked for them. */
const FOLLOWED = 4;
export const MOST_CHOSEN = SERIES_COLOURS;

/** A listener that has a line; its slot gives it a colour and a pattern for as long as it is chosen. */
export interface Chosen extends Who {
  slot: number;
}

/** Which listeners have a line: the fullest ones, until the reader chooses. */
export class Choice {
  readonly #slots: (Who | undefined)[] = Array.from({ length: MOST_CHOSEN });
  /** Addresses of those that were chosen by hand and have gone: who listens there next has the line again. */
  readonly #missed = new Set<string>();
  #following = true;

  get following(): boolean {
    return this.#following;
  }

  get chosen(): Chosen[] {
    return this.#slots.flatMap((who, slot) => (who === undefined ? [] : [{ ...who, slot }]));
  }

  slotOf(id: number): number | undefined {
    const slot = this.#slots.findIndex((who) => who?.id === id);
    return slot < 0 ? undefined : slot;
  }

  /** False if there are as many as there can be. */
  toggle(who: Who): boolean {
    this.#following = false;
    const slot = this.slotOf(who.id);
    if (slot === undefined) return this.#add(who);
    this.#slots[slot] = undefined;
    return true;
  }

  /** From now on the fullest again, or those that are chosen now. */
  follow(following: boolean): void {
    this.#following = following;
    this.#missed.clear();
  }

  /** Takes in who listens now, fullest first. */
  update(ranked: readonly Who[]): void {
    const present = new Map(ranked.map((who) => [who.id, who]));
    for (const { id, slot, address } of this.chosen) {
      this.#slots[slot] = present.get(id);
      if (!present.has(id) && !this.#following) this.#missed.add(address);
    }
    if (this.#following) this.#take(ranked.slice(0, FOLLOWED));
    else this.#bringBack(ranked);
  }

  #take(wanted: readonly Who[]): void {
    for (const { id, slot } of this.chosen) {
      if (!wanted.some((who) => who.id === id)) this.#slots[slot] = undefined;
    }
    for (const who of wanted) if (this.slotOf(who.id) === undefined) this.#add(who);
  }

  #bringBack(present: readonly Who[]): void {
    for (const who of present) {
      if (this.#missed.has(who.address) && this.slotOf(who.id) === undefined && this.#add(who)) {
        this.#missed.delete(who.address);
      }
    }
  }

  #add(who: Who): boolean {
    const slot = this.#slots.indexOf(undefined);
    if (slot < 0) return false;
    this.#slots[slot] = who;
    return true;
  }
}
