import { spawnSync } from 'node:child_process';
import { chromium, type BrowserContextOptions, type Page } from 'playwright-core';
import { needsTool, type Skip } from './machine';

const PATIENCE_MS = 30_000;

export function needsChromium(): Skip {
  return needsTool('chromium');
}

/** A page in a headless Chromium, and what went wrong in it or left it. */
export interface Watched {
  page: Page;
  /** Errors and warnings of its console, exceptions, and breaches of its content security policy. */
  complaints: string[];
  /** The address of each request. */
  requests: string[];
}

/** Waits until an expression is true in the page, half a minute at most. Playwright's own wait needs an eval() that a policy may forbid. */
export async function untilTrue(page: Page, expression: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await page.evaluate<boolean>(expression))) {
    if (performance.now() > deadline) throw new Error(`it never became true: ${expression}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Opens a page in a browser of its own, in the network namespace of this process. A wait fails after half a minute. */
export async function withPage(
  url: string,
  options: BrowserContextOptions,
  use: (watched: Watched) => Promise<void>,
): Promise<void> {
  const executablePath = spawnSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).stdout.trim();
  // Run by root, Chromium refuses to start with its sandbox.
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  try {
    const page = await (await browser.newContext(options)).newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    const [complaints, requests]: [string[], string[]] = [[], []];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => requests.push(request.url()));
    // Written as text: the tests are compiled without the types of a browser.
    await page.addInitScript(
      `addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
        console.error('content security policy: ' + violatedDirective + ' ' + blockedURI);
      });`,
    );
    await page.goto(url);
    await use({ page, complaints, requests });
  } finally {
    await browser.close();
  }
}
