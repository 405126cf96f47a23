// Makes docs/images/watch.png and watch-dark.png: what `listenq watch --http` shows of some servers under load. It wants
// root, chromium, and `npm run compile` before; it runs in a network namespace of its own, for a minute and a half.
//
//   node scripts/screenshot.mjs [folder]
//
// Each server is a process of its own, which is also its own client: it keeps its queue at what a wave says, by
// connecting and accepting. Nothing that is shown is made up: the queues are the kernel's.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { listen } from '../dist/index.js';
import { enterPrivateNetwork } from '../dist/lab.js';
import * as c from '../dist/syscalls.js';
import { inTree } from './lib/tree.mjs';

/** Of each server: how full it is, from 0 to 1 and more, at a time in seconds; how many come a second. */
const SERVERS = {
  web: {
    port: 443,
    backlog: 511,
    perSecond: 240,
    wave: (t) => 0.3 + 0.18 * Math.sin(t / 4) + 0.05 * Math.sin(t),
  },
  api: { port: 8080, backlog: 128, perSecond: 150, wave: (t) => 0.62 + 0.3 * Math.sin(t / 6 + 1) },
  postgres: { port: 5432, backlog: 64, perSecond: 30, wave: (t) => (t % 24 < 9 ? 1.1 : 0.12) },
  mail: {
    port: 25,
    backlog: 100,
    perSecond: 12,
    wave: (t) => 0.08 + 0.06 * Math.sin(t / 2),
    deferAcceptSeconds: 10,
  },
  metrics: { port: 9090, backlog: 511, perSecond: 2, wave: () => 0 },
};
const SECONDS = 75;
const TICK_MS = 50;

function serveAs(name) {
  const { port, backlog, perSecond, wave, deferAcceptSeconds } = SERVERS[name];
  process.title = name;
  const defer = deferAcceptSeconds === undefined ? {} : { deferAcceptSeconds };
  const listener = listen({ host: '127.0.0.1', port, backlog, ...defer });
  const address = listener.address();
  const clients = [];
  setInterval(() => {
    const wanted = wave(performance.now() / 1000) * (backlog + 1);
    const coming = Math.max((perSecond * TICK_MS) / 1000, wanted - listener.queue().length);
    for (let i = 0; i < coming - Math.random(); i++) clients.push(connecting(address));
    while (listener.queue().length > wanted) listener.accept().close();
    for (const fd of clients.splice(0, Math.max(clients.length - 2 * backlog, 0))) c.close(fd);
  }, TICK_MS);
}

function connecting(address) {
  const fd = c.socket(c.AF_INET, c.SOCK_STREAM | c.SOCK_NONBLOCK | c.SOCK_CLOEXEC);
  try {
    c.connect(fd, address);
  } catch (error) {
    if (error.code !== 'EINPROGRESS') throw error;
  }
  return fd;
}

async function takePictures(folder) {
  enterPrivateNetwork();
  const program = fileURLToPath(import.meta.url);
  // A host name of its own, as the page shows it.
  const named = ['-u', 'sh', '-c', 'hostname shop-1 && exec "$@"', 'sh', process.execPath];
  const start = (...args) => spawn('unshare', [...named, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const servers = Object.keys(SERVERS).map((name) => start(program, '--serve', name));
  const ports = Object.values(SERVERS).flatMap(({ port }) => ['--port', String(port)]);
  const watch = start(inTree('dist/cli/main.js'), 'watch', '--http', '0', '--interval', '0.5', ...ports);
  const [line] = await once(createInterface(watch.stdout), 'line');
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  try {
    mkdirSync(folder, { recursive: true });
    for (const [name, colorScheme] of [
      ['watch', 'light'],
      ['watch-dark', 'dark'],
    ]) {
      const page = await browser.newPage({ colorScheme, viewport: { width: 1180, height: 1000 } });
      await page.goto(/http\S+/.exec(line)[0]);
      await page.selectOption('#window', '60');
      await page.waitForSelector('tbody tr');
      await page.waitForTimeout(2000);
      await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
      await page.close();
    }
  } finally {
    await browser.close();
    for (const child of [...servers, watch]) child.kill();
  }
}

const [first, second] = process.argv.slice(2);
if (first === '--serve') serveAs(second);
else await takePictures(first ?? inTree('docs/images'));
