import './theme';
import { Page } from './watch/page';
import { follow } from './watch/stream';
// After those of the library for charts, which they change.
import './watch/watch.css';
import './watch/charts.css';
import './watch/listeners.css';

const page = new Page();
follow({
  roster: (roster) => page.enrol(roster),
  sample: (sample) => page.add(sample),
  state: (state) => page.say(state),
});
