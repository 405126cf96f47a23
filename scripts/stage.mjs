// Copies what the addon is built from into a folder of its own: node scripts/stage.mjs <folder>. prebuildify cleans
// build/ and moves the addon out of it, which it had better not do to the addon that the checkout works with.
import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { inTree } from './lib/tree.mjs';

const target = resolve(process.argv[2]);
rmSync(target, { recursive: true, force: true });
mkdirSync(target);
for (const name of ['package.json', 'binding.gyp', 'native']) {
  cpSync(inTree(name), join(target, name), { recursive: true });
}
symlinkSync(inTree('node_modules'), join(target, 'node_modules'), 'dir');
