import { createHash } from 'node:crypto';
import { backlogSection } from './backlog-section';
import { comparisonSection } from './comparison-section';
import type { ReportData } from './data';
import { Figures } from './figure';
import { markup, inlineJson, inlineScript, inlineStyle, type Html } from './html';
import { machineSection } from './machine-section';
import { modelSection } from './model-section';
import type { Section } from './section';
import { summary } from './summary';

/** What the page brings along: nothing is loaded from anywhere. */
export interface Assets {
  script: string;
  style: string;
  /** Of the libraries in them. */
  licences: string;
}

/** The whole page, which needs nothing else. */
export function reportDocument(data: ReportData, assets: Assets): string {
  const figures = new Figures();
  const sections = [
    machineSection(data, figures),
    backlogSection(data, figures),
    comparisonSection(data, figures),
    modelSection(data, figures),
  ];
  const style = inlineStyle(assets.style);
  const script = inlineScript(assets.script);
  const { kernel, cpu, cpus, date, listenq } = data.machine;
  return markup`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy(style, script)}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="generator" content="listenq ${listenq}" />
        <title>Listening sockets on ${kernel}</title>
        <style>${style}</style>
      </head>
      <body>
        <a class="skip" href="#machine">To the report</a>
        <header>
          <p class="kind">listenq report</p>
          <h1>Listening sockets on ${kernel}</h1>
          <p class="subtitle">${cpus} × ${cpu ?? 'CPU'}, <time datetime="${date}">${day(date)}</time></p>
        </header>
        <div class="page">
          ${contents(sections)}
          <main>
            <noscript>
              <p class="note warn">Without JavaScript the plots are not drawn. Their numbers are in the tables.</p>
            </noscript>
            ${summary(data)}
            ${sections.map(sectionBody)}
          </main>
        </div>
        <footer>
          <p>
            Made by <code>npx listenq report</code>, listenq ${listenq}, on
            <time datetime="${date}">${day(date)}</time>. Every figure was read or measured in that run.
            Nothing in this file is loaded from elsewhere.
          </p>
          <details>
            <summary>The plots are drawn by uPlot: its licence</summary>
            <pre>${assets.licences}</pre>
          </details>
        </footer>
        <script type="application/json" id="plots">${inlineJson(figures.plots)}</script>
        <script>${script}</script>
      </body>
    </html>
    `.text;
}

function contents(sections: readonly Section[]): Html {
  return markup`<nav aria-label="Contents">
    <ol>
      ${sections.map(({ id, title }) => markup`<li><a href="#${id}">${title}</a></li>`)}
    </ol>
  </nav>`;
}

function sectionBody({ id, title, body }: Section, index: number): Html {
  return markup`<section id="${id}" aria-labelledby="${id}-title">
    <h2 id="${id}-title">
      <a href="#${id}" aria-label="Link to part ${index + 1}">${index + 1}</a> ${title}
    </h2>
    ${body}
  </section> `;
}

function day(date: string): string {
  return new Date(date).toLocaleDateString('en-GB', { dateStyle: 'long', timeZone: 'UTC' });
}

/** Nothing is loaded, and nothing runs but what was put in. */
function policy(style: Html, script: Html): string {
  return [
    `default-src 'none'`,
    `style-src '${hashOf(style)}'`,
    `script-src '${hashOf(script)}'`,
    `base-uri 'none'`,
    `form-action 'none'`,
  ].join('; ');
}

function hashOf({ text }: Html): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
