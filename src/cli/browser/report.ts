import 'uplot/dist/uPlot.min.css';
import './report.css';
import type { PlotSpec } from '../report/plot-spec';
import { drawPlot } from './report-plot';
import { onThemeChange } from './theme';

/** What the command has put into the page. */
function specs(): PlotSpec[] {
  return JSON.parse(document.getElementById('plots')?.textContent ?? '[]') as PlotSpec[];
}

const plots = specs().flatMap((spec) => {
  const place = document.getElementById(spec.id);
  return place === null ? [] : [drawPlot(place, spec)];
});

function redraw(): void {
  for (const plot of plots) plot.redraw(false, true);
}

onThemeChange(redraw);
matchMedia('print').addEventListener('change', redraw);
