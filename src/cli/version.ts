import * as fs from 'node:fs';

/** The version of this package. */
export function version(): string {
  const text = fs.readFileSync(require.resolve('listenq/package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
