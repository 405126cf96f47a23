import type { Roster, SampleMessage } from '../../watch/http/messages';

export type State = 'connected' | 'lost';

export interface Follower {
  roster: (roster: Roster) => void;
  sample: (sample: SampleMessage) => void;
  state: (state: State) => void;
}

/** Where the browser itself gives up, as when it is answered with an error. */
const AGAIN_MS = 3000;

/** Follows the server's events for as long as the page is there; each sample is handed out once. */
export function follow(follower: Follower): void {
  let [run, seen] = ['', 0];
  const connect = (): void => {
    const source = new EventSource('/events');
    source.addEventListener('open', () => follower.state('connected'));
    source.addEventListener('error', () => {
      follower.state('lost');
      if (source.readyState === EventSource.CLOSED) setTimeout(connect, AGAIN_MS);
    });
    source.addEventListener('roster', ({ data }: MessageEvent<string>) => {
      follower.roster(JSON.parse(data) as Roster);
    });
    source.addEventListener('sample', ({ data, lastEventId }: MessageEvent<string>) => {
      const [of = '', number] = lastEventId.split('.');
      if (of === run && Number(number) <= seen) return;
      [run, seen] = [of, Number(number)];
      follower.sample(JSON.parse(data) as SampleMessage);
    });
  };
  connect();
}
