import * as fs from 'node:fs';
import * as path from 'node:path';
import { PAGE } from './page';

export interface Asset {
  type: string;
  body: Buffer;
}

const BROWSER = path.resolve(__dirname, '..', '..', 'browser');

/** What the page is made of, by path. Read once. */
export function readAssets(): Map<string, Asset> {
  const built = (name: string): Buffer => fs.readFileSync(path.join(BROWSER, name));
  return new Map([
    ['/', { type: 'text/html', body: Buffer.from(PAGE) }],
    ['/watch.js', { type: 'text/javascript', body: built('watch.js') }],
    ['/watch.css', { type: 'text/css', body: built('watch.css') }],
    ['/icon.svg', { type: 'image/svg+xml', body: Buffer.from(ICON) }],
  ]);
}

/** A queue, and the line that it must not reach. */
const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">
<rect width="16" height="16" rx="3.5" fill="#0067b8"/>
<path d="M3.5 12.5v-2M6.5 12.5v-4M9.5 12.5v-6M12.5 12.5v-8" stroke="#fff" stroke-width="1.8" stroke-linecap="round"/>
</svg>
`;
