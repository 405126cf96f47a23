import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Listener } from 'listenq';
import type { Page } from 'playwright-core';
import { needsChromium, untilTrue, withPage, type Watched } from '../support/browser';
import { anyOf, privateNetwork } from '../support/machine';
import { beginConnects, closeAll, portOf } from '../support/sockets';
import { withPageServer, type PageServer } from './page-server';
import { filled } from './private-command';

const skip = anyOf(privateNetwork(), needsChromium());
/** A listener whose queue has clients, until the test has ended in whatever way. */
function filledFor(t: TestContext, options: { backlog: number; path?: string }, clients: number): Listener {
  const { listener, close } = filled(options, clients);
  t.after(close);
  return listener;
}

const WIDE = {
  viewport: { width: 1100, height: 900 },
  colorScheme: 'light',
  reducedMotion: 'reduce',
} as const;

/** Runs a test with the page of a server open, and sees that it did not complain or ask anybody else. */
async function withWatch(
  options: Parameters<typeof withPage>[1],
  use: (watched: Watched, server: PageServer) => Promise<void>,
  args: readonly string[] = [],
): Promise<void> {
  await withPageServer(args, async (server) => {
    await withPage(server.url, options, async (watched) => {
      await watched.page.waitForSelector('#status[data-state=connected]');
      await use(watched, server);
      assert.deepEqual(watched.complaints, []);
      for (const url of watched.requests) assert.ok(url.startsWith(server.url), url);
    });
  });
}

/** Waits until the row of that port has this text. */
async function waitForRow(page: Page, port: number, text: string): Promise<void> {
  const row = page.locator('tbody tr', { hasText: `127.0.0.1:${port}` });
  await row.filter({ hasText: text }).waitFor();
}

/** Waits until so many pixels of a chart have the colour of that variable of the style sheet. */
async function waitForDrawn(page: Page, measure: string, variable: string, least = 60): Promise<void> {
  await untilTrue(
    page,
    `(() => {
      const probe = document.createElement('i');
      probe.style.color = getComputedStyle(document.documentElement).getPropertyValue('${variable}');
      document.body.append(probe);
      const wanted = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
      probe.remove();
      const canvas = document.querySelector('[data-measure=${measure}] canvas');
      // Of a copy: Chromium complains where a canvas that is shown is read twice.
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
      copy.drawImage(canvas, 0, 0);
      const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
      let found = 0;
      for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] === 255 && wanted.every((value, k) => Math.abs(value - data[i + k]) < 12)) found++;
      }
      return found >= ${least};
    })()`,
  );
}

test(
  'the page: a queue that is filled is shown by the row, by the values and by the line of its chart',
  { skip },
  async (t) => {
    const listener = filledFor(t, { backlog: 5 }, 0);
    const port = portOf(listener.address());
    await withWatch(
      WIDE,
      async ({ page }) => {
        await waitForRow(page, port, '0 of 5');
        const values = page.locator('[data-measure=queue] .values');
        await values.filter({ hasText: '0 of 5, 0 %' }).waitFor();
        const fds = beginConnects(listener.address(), 6);
        await waitForRow(page, port, '6 of 5 full');
        await values.filter({ hasText: '6 of 5, full' }).waitFor();
        await waitForDrawn(page, 'queue', '--series-1');
        await waitForDrawn(page, 'queue', '--bad', 20);
        await untilTrue(page, `document.title === 'full 127.0.0.1:${port} · listenq watch'`);
        const late = beginConnects(listener.address(), 3);
        await page.locator('tr td.dropping').first().waitFor();
        await waitForDrawn(page, 'drops', '--series-1');
        closeAll([...fds, ...late]);
        while (listener.queue().length > 0) listener.accept().close();
        await waitForRow(page, port, '0 of 5');
        await page.locator('[data-measure=accepts] .values', { hasText: 'namespace' }).waitFor();
      },
      ['--port', String(port)],
    );
  },
);

test('the page: names are text, whatever is in them', { skip }, async (t) => {
  filledFor(t, { path: '\0<img src=x onerror=alert(1)>', backlog: 3 }, 0);
  await withWatch(WIDE, async ({ page }) => {
    await page.locator('tbody tr', { hasText: '@<img src=x onerror=alert(1)>' }).waitFor();
    assert.equal(await page.locator('main img').count(), 0);
  });
});

test(
  'the page, light and dark: each with its own ground, and lines in its own colours',
  { skip },
  async (t) => {
    const listener = filledFor(t, { backlog: 5 }, 4);
    const grounds = new Set<string>();
    await withWatch(WIDE, async ({ page }) => {
      await waitForRow(page, portOf(listener.address()), '4 of 5');
      await waitForDrawn(page, 'queue', '--series-1');
      // Nothing else has it drawn anew then.
      await page.getByRole('button', { name: 'Pause' }).click();
      for (const colorScheme of ['light', 'dark', 'light'] as const) {
        await page.emulateMedia({ colorScheme });
        // Each has another value for the variable.
        await waitForDrawn(page, 'queue', '--series-1');
        await waitForDrawn(page, 'queue', '--quiet', 20);
        grounds.add(await page.evaluate<string>('getComputedStyle(document.body).backgroundColor'));
      }
    });
    assert.deepEqual([...grounds], ['rgb(252, 252, 251)', 'rgb(19, 21, 23)']);
  },
);

test(
  'the page at 360 pixels, as on a phone: nothing is wider than the screen, charts included',
  { skip },
  async (t) => {
    filledFor(t, { path: `\0${'a-long-name/'.repeat(8)}`, backlog: 3 }, 0);
    const listener = filledFor(t, { backlog: 5 }, 6);
    await withWatch({ ...WIDE, viewport: { width: 360, height: 740 } }, async ({ page }) => {
      const port = portOf(listener.address());
      await waitForRow(page, port, '6 of 5 full');
      await waitForDrawn(page, 'queue', '--series-1');
      const widths = (): Promise<number[]> =>
        page.evaluate(
          '[document.scrollingElement.scrollWidth, document.querySelector("canvas").clientWidth, innerWidth]',
        );
      const [content = NaN, canvas = NaN, window = NaN] = await widths();
      assert.ok(content <= window, `${content} of ${window}`);
      assert.ok(canvas > 250 && canvas < window, `${canvas}`);
      const row = page.locator('tbody tr', { hasText: `127.0.0.1:${port}` });
      await row.getByRole('cell', { name: '6 of 5 full' }).waitFor();
      // Turned to the side, the charts follow.
      await page.setViewportSize({ width: 740, height: 360 });
      await untilTrue(page, 'document.querySelector("canvas").clientWidth > 600');
    });
  },
);

test(
  'the page by keyboard: the skip link, a listener chosen with Space, the cursor of a chart by arrow keys',
  { skip },
  async (t) => {
    const some = [filledFor(t, { backlog: 5 }, 6), filledFor(t, { backlog: 5 }, 3)];
    const ports = some.map((listener) => portOf(listener.address()));
    await withWatch(WIDE, async ({ page }) => {
      await waitForRow(page, ports[1] ?? 0, '3 of 5');
      await page.keyboard.press('Tab');
      assert.equal(await focused(page), 'Skip to the listeners');
      await page.keyboard.press('Enter');
      await tabTo(page, 'Follow the fullest');
      await page.keyboard.press('Tab');
      const box = page.locator('tbody tr', { hasText: `127.0.0.1:${ports[0]}` }).getByRole('checkbox');
      const key = page.locator('#key', { hasText: `127.0.0.1:${ports[0]}` });
      await key.waitFor();
      const focusedRow = await page.evaluate<string>("document.activeElement.closest('tr').textContent");
      assert.ok(focusedRow.startsWith(`127.0.0.1:${ports[0]}`), 'the fullest is the first');
      assert.equal(await box.isChecked(), true);
      assert.equal(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle'), 'solid');
      await page.keyboard.press('Space');
      await key.waitFor({ state: 'detached' });
      assert.equal(
        await page.getByRole('button', { name: 'Follow the fullest' }).getAttribute('aria-pressed'),
        'false',
      );
      await page.keyboard.press('Space');
      await key.waitFor();
      assert.equal(await box.isChecked(), true);
    });
  },
);

test(
  'the page by keyboard: arrow keys in a chart say the time and the values of other samples',
  { skip },
  async (t) => {
    const listener = filledFor(t, { backlog: 5 }, 2);
    const port = portOf(listener.address());
    await withWatch(
      WIDE,
      async ({ page }) => {
        await page.locator('[data-measure=queue] .values', { hasText: '2 of 5, 33 %' }).waitFor();
        const more = beginConnects(listener.address(), 4);
        await page.locator('[data-measure=queue] .values', { hasText: '6 of 5, full' }).waitFor();
        await tabTo(page, 'Pause');
        await page.keyboard.press('Enter');
        await page.locator('#status', { hasText: 'paused at ' }).waitFor();
        await tabTo(page, 'Queue over time');
        const spoken = page.locator('#spoken[aria-live=polite]');
        await page.keyboard.press('End');
        await spoken.filter({ hasText: `127.0.0.1:${port} 6 of 5, full` }).waitFor();
        await page.keyboard.press('Home');
        await spoken.filter({ hasText: `127.0.0.1:${port} 2 of 5, 33 %` }).waitFor();
        const [first] = ((await spoken.textContent()) ?? '').split('.');
        assert.match(first ?? '', /^\d\d:\d\d:\d\d$/);
        assert.equal(
          await page.locator('[data-measure=drops] .time').textContent(),
          first,
          'the charts share a cursor',
        );
        for (let text = ''; !text.includes('6 of 5, full'); text = (await spoken.textContent()) ?? '') {
          await page.keyboard.press('ArrowRight');
        }
        await page.keyboard.press('Escape');
        closeAll(more);
      },
      ['--port', String(port)],
    );
  },
);

/** The name of what has the focus. */
function focused(page: Page): Promise<string> {
  return page.evaluate<string>(
    `(document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent).trim()`,
  );
}

/** Presses Tab until that has the focus; each thing has it at most once. */
async function tabTo(page: Page, name: string): Promise<void> {
  const seen: string[] = [];
  while (seen.at(-1) !== name) {
    assert.ok(seen.length < 40, `Tab reaches ${seen.join(', ')}, and not ${name}`);
    await page.keyboard.press('Tab');
    seen.push(await focused(page));
  }
}

test('the page, nobody listens on the port that was asked for: says so', { skip }, async () => {
  await withWatch(
    WIDE,
    async ({ page }) => {
      await page.getByText('Nobody listens.').waitFor();
      assert.equal(await page.locator('table').isVisible(), false);
    },
    ['--port', '1'],
  );
});

test('the page, a ninth listener: is not chosen, and the reader is told why', { skip }, async (t) => {
  for (let i = 0; i < 9; i++) filledFor(t, { backlog: 5 }, 1);
  await withWatch(WIDE, async ({ page }) => {
    const boxes = page.locator('tbody tr', { hasText: '1 of 5' }).getByRole('checkbox');
    await boxes.nth(8).waitFor();
    while ((await page.locator('#key li').count()) < 8) {
      await page.locator('tbody tr', { hasText: '1 of 5' }).locator('input:not(:checked)').first().click();
    }
    await page.locator('tbody tr', { hasText: '1 of 5' }).locator('input:not(:checked)').first().click();
    await page.locator('#hint', { hasText: '8 are chosen' }).waitFor();
    await untilTrue(page, `document.querySelectorAll('tbody input:checked').length === 8`);
    for (let slot = 1; slot <= 8; slot++) await page.locator(`#key [data-slot="${slot}"]`).waitFor();
  });
});

test(
  'the page, its server ends and another one begins there: lost, and then live with the new one',
  { skip },
  async (t) => {
    const listener = filledFor(t, { backlog: 5 }, 6);
    await withPageServer([], async (first) => {
      await withPage(first.url, WIDE, async ({ page }) => {
        await waitForRow(page, portOf(listener.address()), '6 of 5 full');
        first.process.kill();
        await first.ended;
        await page.waitForSelector('#status[data-state=lost]');
        await untilTrue(page, `document.title === '(no connection) listenq watch'`);
        listener.accept().close();
        await withPageServer(['--http', String(first.port)], async () => {
          await page.waitForSelector('#status[data-state=connected]');
          await waitForRow(page, portOf(listener.address()), '5 of 5');
        });
      });
    });
  },
);
