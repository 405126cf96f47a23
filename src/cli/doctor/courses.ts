import type { ListeningSocket } from 'listenq/kernel';

interface Course {
  readings: number;
  first: number;
  last: number;
  longest: number;
  /** Not empty at any reading, and at none shorter than at the one before. */
  stands: boolean;
}

/** Fewer readings say nothing of what was between them. */
const ENOUGH = 3;

/** How the length of each queue went from reading to reading. */
export class Courses {
  readonly #byInode = new Map<number, Course>();
  #readings = 0;

  add(sockets: readonly ListeningSocket[]): void {
    this.#readings += 1;
    for (const { inode, length } of sockets) {
      if (length === undefined) continue;
      const course = this.#byInode.get(inode);
      if (course === undefined) {
        const stands = length > 0;
        this.#byInode.set(inode, { readings: 1, first: length, last: length, longest: length, stands });
      } else {
        course.readings += 1;
        course.stands &&= length >= course.last;
        course.longest = Math.max(course.longest, length);
        course.last = length;
      }
    }
  }

  longest(inode: number): number | undefined {
    return this.#byInode.get(inode)?.longest;
  }

  growth(inode: number): number {
    const { first, last } = this.#byInode.get(inode) ?? { first: 0, last: 0 };
    return last - first;
  }

  /** Whether the queue was never empty and never became shorter, from the first reading to the last. */
  stands(inode: number): boolean {
    const course = this.#byInode.get(inode);
    return course !== undefined && course.stands && course.readings >= Math.max(this.#readings, ENOUGH);
  }
}
