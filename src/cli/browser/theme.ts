import './theme.css';

type Colour = 'text' | 'quiet' | 'line' | 'grid' | 'good' | 'warn' | 'bad' | `series-${number}`;

/** How many series have a colour of their own. */
export const SERIES_COLOURS = 8;

/** A colour as the style sheet has it now, for what is drawn and not laid out. */
export function colour(name: Colour): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Calls `redraw` when the reader's preference for light or dark has changed. */
export function onThemeChange(redraw: () => void): void {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
}
