// Puts third-party libraries of the command line, and of the pages that it makes, into dist/cli, so that installing the
// package brings node-gyp-build and nothing else. Apart from steps.mjs because esbuild is there only after npm ci.
import { build } from 'esbuild';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { inTree, root } from './tree.mjs';

const LICENCES = 'dist/cli/vendor-licenses.txt';

const BUNDLES = [
  {
    // The source rather than what tsc made of it: bundling over one's own input would work once only.
    entryPoints: ['src/cli/vendor.ts'],
    outfile: 'dist/cli/vendor.js',
    platform: 'node',
    format: 'cjs',
    target: 'node20',
  },
  {
    // Scripts of pages, and beside each its style sheet.
    entryPoints: ['src/cli/browser/watch.ts', 'src/cli/browser/report.ts'],
    outdir: 'dist/cli/browser',
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    minify: true,
  },
];

export async function bundle() {
  const inputs = [];
  for (const options of BUNDLES) {
    const { metafile } = await build({
      absWorkingDir: root,
      bundle: true,
      metafile: true,
      logLevel: 'silent',
      ...options,
    });
    inputs.push(...Object.keys(metafile.inputs));
  }
  writeFileSync(inTree(LICENCES), licencesOf(inputs));
}

/** The licence of each package that a file went into a bundle from; they all ask to be passed on with a copy. */
function licencesOf(inputs) {
  const folders = inputs
    .map((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0])
    .filter(Boolean);
  const texts = [...new Set(folders)].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(inTree(folder, 'package.json'), 'utf8'));
    const file = readdirSync(inTree(folder)).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
    if (file === undefined) throw new Error(`${name} is bundled into dist/cli, but brings no licence text`);
    return `${name} ${version} (${license})\n\n${readFileSync(inTree(folder, file), 'utf8').trim()}\n`;
  });
  return ['vendor.js and browser/*.js, in cli/, hold copies of these packages.\n', ...texts].join(
    `\n${'-'.repeat(80)}\n\n`,
  );
}
