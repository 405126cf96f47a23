import type { MarkShape, PlotColour, PlotSpec } from './plot-spec';
import type { Grid } from '../grid';
import { markup, prose, type Html } from './html';

/** Numbers the tables and figures of one document, and collects what is to be drawn. */
export class Figures {
  readonly plots: PlotSpec[] = [];
  #tables = 0;
  #figures = 0;

  /** A table in a box of its own that scrolls, its caption above. The first column names each row. */
  table(caption: string, grid: Grid): Html {
    const number = ++this.#tables;
    const id = `table-${number}`;
    return markup`<figure class="table">
      <figcaption id="${id}"><b>Table ${number}.</b> ${prose(caption)}</figcaption>
      <div class="scroll" role="region" aria-labelledby="${id}" tabindex="0">
        <table aria-labelledby="${id}">
          ${tableContent(grid)}
        </table>
      </div>
    </figure> `;
  }

  /** Plots side by side where there is room, with what their marks mean, and a caption below. */
  plot(caption: string, keys: readonly Key[], plots: readonly (PlotSpec & { title?: string })[]): Html {
    const number = ++this.#figures;
    this.plots.push(...plots);
    return markup`<figure class="plots">
      <ul class="keys">
        ${keys.map(keyItem)}
      </ul>
      <div class="row">
        ${plots.map(
          ({ id, label, title }) =>
            markup`<div class="panel">
              ${title === undefined ? '' : markup`<p class="panel-title">${title}</p>`}
              <div class="plot" id="${id}" role="img" aria-label="${label}"></div>
            </div>`,
        )}
      </div>
      <figcaption><b>Figure ${number}.</b> ${prose(caption)}</figcaption>
    </figure> `;
  }
}

/** A text of no more characters stays on one line. */
const SHORT = 24;

function tableContent({ head, rows, textColumns }: Grid): Html {
  const side = (column: number): string => (textColumns.includes(column) ? 'text' : 'number');
  return markup`<thead>
      <tr>
        ${head.map((text, i) => markup`<th scope="col" class="${side(i)}">${lines(text)}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        (row) =>
          markup`<tr>
            ${row.map(({ text, colour }, i) => {
              const kind = [
                side(i),
                ...(text.length <= SHORT ? ['short'] : []),
                ...(colour === undefined ? [] : [colour]),
              ].join(' ');
              return i === 0
                ? markup`<th scope="row" class="${kind}">${prose(text)}</th>`
                : markup`<td class="${kind}">${prose(text)}</td>`;
            })}
          </tr> `,
      )}
    </tbody> `;
}

/** A heading, with its lines as they are. */
function lines(text: string): Html {
  return markup`${text.split('\n').map((line, i) => (i === 0 ? prose(line) : markup`<br />${prose(line)}`))}`;
}

/** What a mark or a line of a plot stands for. */
export interface Key {
  shape: MarkShape | 'line';
  colour: PlotColour;
  text: string;
}

/** As the page draws them, in a box of 16 by 16. */
const DRAWN: Readonly<Record<Key['shape'], string>> = {
  dot: 'M8 3.5a4.5 4.5 0 1 0 .01 0z',
  ring: 'M8 3.5a4.5 4.5 0 1 0 .01 0z',
  diamond: 'M8 2.5 13.5 8 8 13.5 2.5 8z',
  cross: 'M4 4 12 12M12 4 4 12',
  up: 'M3.5 11.5 8 3.5 12.5 11.5z',
  bar: 'M8 2v12',
  line: 'M0 8h16',
};
const FILLED: readonly Key['shape'][] = ['dot', 'diamond'];

function keyItem({ shape, colour, text }: Key): Html {
  const kind = `${FILLED.includes(shape) ? 'filled' : 'drawn'} ${colour}`;
  return markup`<li>
    <svg class="${kind}" viewBox="0 0 16 16" aria-hidden="true"><path d="${DRAWN[shape]}" /></svg>${text}
  </li>`;
}
