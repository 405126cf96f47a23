/** A question that people ask, and what is so here, in sentences. */
export interface Answer {
  question: string;
  sentences: string[];
  /** What to do about it, to be copied: a line each. */
  commands?: string[];
}
