// Puts the command line's third-party libraries into dist/cli/vendor.js, so that installing the package brings
// node-gyp-build and nothing else. Apart from steps.mjs because esbuild is there only after npm ci.
import { build } from 'esbuild';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { inTree, root } from './tree.mjs';

export async function bundleVendor() {
  const { metafile } = await build({
    absWorkingDir: root,
    // The source rather than what tsc made of it: bundling over one's own input would work once only.
    entryPoints: ['src/cli/vendor.ts'],
    outfile: 'dist/cli/vendor.js',
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    metafile: true,
    logLevel: 'silent',
  });
  writeFileSync(inTree('dist/cli/vendor-licenses.txt'), licencesOf(Object.keys(metafile.inputs)));
}

/** The licence of each package that a file went into the bundle from; they all ask to be passed on with a copy. */
function licencesOf(inputs) {
  const folders = inputs
    .map((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0])
    .filter(Boolean);
  const texts = [...new Set(folders)].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(inTree(folder, 'package.json'), 'utf8'));
    const file = readdirSync(inTree(folder)).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
    if (file === undefined)
      throw new Error(`${name} goes into dist/cli/vendor.js, but brings no licence text`);
    return `${name} ${version} (${license})\n\n${readFileSync(inTree(folder, file), 'utf8').trim()}\n`;
  });
  return ['cli/vendor.js holds copies of these packages.\n', ...texts].join(`\n${'-'.repeat(80)}\n\n`);
}
