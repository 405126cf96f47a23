import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { needsChromium, untilTrue, withPage } from '../support/browser';
import { anyOf, type Skip } from '../support/machine';

/** Opens the file offline, and fails on a complaint of the browser's, or on a request for anything else. */
function withReport(
  file: string,
  options: BrowserContextOptions,
  use: (page: Page) => Promise<void>,
): Promise<void> {
  const { href } = pathToFileURL(file);
  return withPage(href, { offline: true, ...options }, async ({ page, complaints, requests }) => {
    await use(page);
    assert.deepEqual(complaints, []);
    assert.deepEqual([...new Set(requests)], [href]);
  });
}

/** In each plot, how many pixels have the colour of the first series. */
const INK = `(() => {
  const probe = document.createElement('canvas').getContext('2d');
  probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--series-1').trim();
  probe.fillRect(0, 0, 1, 1);
  const colour = new Uint32Array(probe.getImageData(0, 0, 1, 1).data.buffer)[0];
  return [...document.querySelectorAll('.plot canvas')].map((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return new Uint32Array(data.buffer).filter((pixel) => pixel === colour).length;
  });
})()`;

async function drawn(page: Page): Promise<void> {
  const ink = await page.evaluate<number[]>(INK);
  assert.equal(ink.length, 5);
  for (const pixels of ink) assert.ok(pixels > 50, String(ink));
}

/** Tests of the page in a real browser. */
export function describePage(file: () => string, unable: Skip): void {
  const skip = anyOf(unable, needsChromium());
  describe('report in Chromium', { skip }, () => {
    tests(file);
  });
}

function tests(file: () => string): void {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`report in Chromium, ${colorScheme}: every plot is drawn in that scheme's colours`, () =>
      withReport(file(), { colorScheme }, async (page) => {
        await drawn(page);
        const background = await page.evaluate('getComputedStyle(document.body).backgroundColor');
        assert.equal(background, colorScheme === 'light' ? 'rgb(252, 252, 251)' : 'rgb(19, 21, 23)');
      }));
  }
  test('report in Chromium: the plots follow when light becomes dark, and when the window shrinks', () =>
    withReport(file(), { colorScheme: 'light' }, async (page) => {
      await page.emulateMedia({ colorScheme: 'dark' });
      await page.setViewportSize({ width: 500, height: 800 });
      const fits = 'plot.querySelector(".uplot").offsetWidth === plot.clientWidth';
      await untilTrue(page, `[...document.querySelectorAll(".plot")].every((plot) => ${fits})`);
      await drawn(page);
    }));
  test('report in Chromium, 360 pixels wide: the tables scroll by the keyboard, the page does not', () =>
    withReport(file(), { viewport: { width: 360, height: 740 } }, scrollTables));
  test('report in Chromium: a pointer at a mark reads what it is', () =>
    withReport(file(), {}, async (page) => {
      const plot = page.locator('#plot-backlogs .u-over');
      await plot.scrollIntoViewIfNeeded();
      const { x, y, width, height } = (await plot.boundingBox()) ?? assert.fail();
      // The cap is level from half of the width on, near the top.
      const tip = page.locator('#plot-backlogs .tip');
      for (let at = 0.9; at < 1 && !(await tip.isVisible()); at += 0.005) {
        await page.mouse.move(x + at * width, y + 0.08 * height);
      }
      assert.match((await tip.textContent()) ?? '', /^(TCP|AF_UNIX), backlog -?\d+: 301 wait$/);
    }));
  test('report in Chromium without JavaScript: says so, and the tables are there', () =>
    withReport(file(), { javaScriptEnabled: false }, async (page) => {
      assert.ok(await page.locator('noscript p').isVisible());
      assert.ok(await page.getByRole('rowheader', { name: 'net.core.somaxconn' }).isVisible());
    }));
}

async function scrollTables(page: Page): Promise<void> {
  assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 360);
  const inTable = (what: string): string => `(({ scrollLeft, scrollWidth, clientWidth }, focused) => ${what})(
    document.querySelectorAll('.scroll')[1], document.querySelectorAll('.scroll')[1] === document.activeElement)`;
  assert.ok(await page.evaluate(inTable('scrollWidth > clientWidth')));
  for (let tabs = 0; tabs < 30 && !(await page.evaluate(inTable('focused'))); tabs++) {
    await page.keyboard.press('Tab');
  }
  assert.ok(await page.evaluate(inTable('focused')));
  await page.keyboard.press('ArrowRight');
  await untilTrue(page, inTable('scrollLeft > 0'));
}
