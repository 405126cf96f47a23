import type { Roster, SampleMessage, Who } from '../../watch/http/messages';
import { Charts } from './charts';
import { Choice, MOST_CHOSEN } from './choice';
import { byId, coalesced, fillList, make, setText } from './dom';
import { showFigures } from './figures';
import { frameOf } from './frame';
import { Samples, type Sample } from './samples';
import type { State } from './stream';
import { setSwatch, swatch } from './swatch';
import { Table, type Entry } from './table';
import { clockText, levelOf, percentText, shareOf, WORDS } from './text';

/** At the beginning hundreds of samples come at once. */
const TITLE_MS = 100;

/** All that is on the page, drawn anew when something has changed, and not more often than the screen is. */
export class Page {
  readonly #samples = new Samples();
  readonly #choice = new Choice();
  readonly #charts = new Charts(byId('charts', HTMLElement));
  readonly #table = new Table(byId('table', HTMLElement), (who) => this.#toggle(who));
  readonly #window = byId('window', HTMLSelectElement);
  readonly #pause = byId('pause', HTMLButtonElement);
  readonly #fullest = byId('fullest', HTMLButtonElement);
  readonly #status = byId('status', HTMLElement);
  #roster: Roster | undefined;
  #state: State | 'connecting' = 'connecting';
  /** What was there when somebody wanted to look at it. */
  #paused: readonly Sample[] | undefined;
  readonly #drawSoon = coalesced(requestAnimationFrame, () => this.#draw());
  /** A tab in the background is not drawn, and its title is read. */
  readonly #entitleSoon = coalesced(
    (call) => setTimeout(call, TITLE_MS),
    () => this.#entitle(),
  );

  constructor() {
    this.#window.addEventListener('change', () => this.#drawSoon());
    this.#pause.addEventListener('click', () => this.#pauseOrGoOn());
    this.#fullest.addEventListener('click', () => {
      this.#choice.follow(!this.#choice.following);
      this.#rank();
      this.#drawSoon();
    });
  }

  enrol(roster: Roster): void {
    if (roster.run !== this.#roster?.run) this.#samples.clear();
    this.#roster = roster;
    const { host, ports } = roster;
    setText(byId('place', HTMLElement), `on ${host}`);
    const which = ports === null ? '' : `on ${ports.length === 1 ? 'port' : 'ports'} ${ports.join(', ')}`;
    setText(byId('ports', HTMLElement), which);
  }

  add(message: SampleMessage): void {
    this.#samples.add(message);
    this.#drawSoon();
    this.#entitleSoon();
  }

  say(state: State): void {
    this.#state = state;
    this.#drawSoon();
    this.#entitleSoon();
  }

  #toggle(who: Who): void {
    const full = !this.#choice.toggle(who);
    setText(
      byId('hint', HTMLElement),
      full ? `${MOST_CHOSEN} are chosen, and no more can be: give one up first.` : '',
    );
    this.#drawSoon();
  }

  #pauseOrGoOn(): void {
    this.#paused = this.#paused === undefined ? this.#samples.within(Infinity) : undefined;
    this.#drawSoon();
  }

  #draw(): void {
    this.#showStatus();
    if (this.#paused === undefined) this.#rank();
    const seconds = Number(this.#window.value);
    const samples = this.#paused ?? this.#samples.within(seconds);
    const { chosen } = this.#choice;
    this.#charts.draw(frameOf(samples, chosen), seconds);
    this.#table.draw(this.#entries(samples.at(-1)), this.#choice);
    this.#showKey();
    showFigures(byId('namespace', HTMLElement), samples.at(-1));
    this.#showProblems();
    this.#fullest.setAttribute('aria-pressed', String(this.#choice.following));
  }

  /** Fullest first; among equals whoever dropped most. */
  #entries(sample: Sample | undefined): Entry[] {
    const entries = (this.#roster?.listeners ?? []).flatMap((who) => {
      const row = sample?.rows.get(who.id);
      return row === undefined ? [] : [{ who, row }];
    });
    return entries.sort((a, b) => (shareOf(b.row) ?? -1) - (shareOf(a.row) ?? -1) || dropsOf(b) - dropsOf(a));
  }

  /** Tells the choice who is there, whoever has been fullest first. */
  #rank(): void {
    const entries = this.#entries(this.#samples.last);
    const rankOf = ({ who }: Entry): number =>
      this.#samples.peak(who.id) + (this.#choice.slotOf(who.id) === undefined ? 0 : 1e-9);
    entries.sort((a, b) => rankOf(b) - rankOf(a));
    this.#choice.update(entries.map(({ who }) => who));
  }

  #showStatus(): void {
    const state = this.#paused !== undefined && this.#state === 'connected' ? 'paused' : this.#state;
    this.#status.dataset['state'] = state;
    const at = this.#paused?.at(-1)?.time;
    setText(
      this.#status,
      {
        connecting: 'connecting …',
        connected: 'live',
        lost: 'connection lost, trying again …',
        paused: at === undefined ? 'paused' : `paused at ${clockText(at)}`,
      }[state],
    );
    setText(this.#pause, this.#paused === undefined ? 'Pause' : 'Go on');
  }

  #showKey(): void {
    fillList(
      byId('key', HTMLElement),
      this.#choice.chosen,
      () => make('li', '', swatch(), make('span'), make('small')),
      (item, { address, owner, slot }) => {
        const [line, name, by] = item.children as unknown as [HTMLElement, HTMLElement, HTMLElement];
        setSwatch(line, slot);
        setText(name, address);
        setText(by, owner);
      },
    );
  }

  #showProblems(): void {
    const list = byId('problems', HTMLElement);
    const problems = this.#roster?.problems ?? [];
    list.hidden = problems.length === 0;
    fillList(list, problems, () => make('li'), setText);
  }

  /** The worst of them, for whoever looks at the tab alone. */
  #entitle(): void {
    const [worst] = this.#entries(this.#samples.last);
    const share = worst === undefined ? null : shareOf(worst.row);
    const word = WORDS[levelOf(share)];
    const fullest =
      share === null || worst === undefined
        ? ''
        : `${word === 'full' ? word : percentText(share)} ${worst.who.address} · `;
    document.title =
      this.#state === 'connected' ? `${fullest}listenq watch` : '(no connection) listenq watch';
  }
}

function dropsOf({ row }: Entry): number {
  return row[4] ?? -1;
}
