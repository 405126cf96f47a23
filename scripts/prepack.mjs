// Before npm packs: the JavaScript, and the headers of node-addon-api. With these inside, a machine that no prebuild fits
// compiles the installed package without node-addon-api being one of its dependencies.
import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as steps from './lib/steps.mjs';
import { giveUp, inTree } from './lib/tree.mjs';

/** binding.gyp looks here if it cannot find the npm package. */
const COPY = 'native/third_party/node-addon-api';
/** The headers, their licence, and the version in package.json. */
const WANTED = /\.h$|^LICENSE|^package\.json$/;

function copyHeaders() {
  const from = dirname(createRequire(import.meta.url).resolve('node-addon-api/package.json'));
  rmSync(inTree(COPY), { recursive: true, force: true });
  mkdirSync(inTree(COPY), { recursive: true });
  for (const file of readdirSync(from).filter((name) => WANTED.test(name))) {
    copyFileSync(join(from, file), inTree(COPY, file));
  }
}

await steps.typescript().catch((error) => giveUp('prepack', error));
copyHeaders();
