/** What a plot is made of, between the command, which computes it, and the page, which draws it. */
export interface PlotSpec {
  /** Of the element that it is drawn into. */
  id: string;
  /** What is seen, in words. */
  label: string;
  /** In CSS pixels, axes included. */
  height: number;
  x: PlotAxis;
  y: PlotAxis;
  lines: PlotLine[];
  marks: PlotMark[];
}

export interface PlotAxis {
  title: string;
  min: number;
  max: number;
  /** Those that find room are written. */
  ticks: { at: number; text: string }[];
}

export type PlotColour = 'text' | 'quiet' | 'bad' | 'warn' | `series-${number}`;

export interface PlotLine {
  points: [x: number, y: number][];
  colour: PlotColour;
}

/** 'up': at least so much. 'bar': a short line across. */
export type MarkShape = 'dot' | 'ring' | 'diamond' | 'cross' | 'up' | 'bar';

export interface PlotMark {
  x: number;
  y: number;
  shape: MarkShape;
  colour: PlotColour;
  /** Its radius in CSS pixels. */
  size: number;
  /** What a pointer reads there. */
  text: string;
  /** Written beside it. */
  note?: string;
  /** On which side; right, if it is left out. */
  noteAt?: 'left';
}
