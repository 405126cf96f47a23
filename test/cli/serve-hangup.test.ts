import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../support/machine';
import { withServer } from './server';

test('serve --path, SIGHUP: ends as by SIGTERM, with exit status 0 and without the file', async () => {
  const file = path.join(temporaryFolder(), 'socket');
  await withServer(['--path', file], async (server) => {
    assert.ok(fs.existsSync(file));
    server.process.kill('SIGHUP');
    assert.deepEqual(await server.ended, [0, null]);
    assert.match(server.stderr(), /^listenq: SIGHUP: ending/);
    assert.ok(!fs.existsSync(file));
  });
});
