import type { GridCell } from '../grid';
import type { Colour } from '../terminal';
import type { Html } from './html';

/** A numbered part of the report. */
export interface Section {
  /** Its anchor. */
  id: string;
  title: string;
  body: Html;
}

/** A row of a table, all of one colour or of none. */
export function row(texts: readonly (string | number)[], colour?: Colour): GridCell[] {
  return texts.map((text) => ({ text: String(text), ...(colour === undefined ? {} : { colour }) }));
}
