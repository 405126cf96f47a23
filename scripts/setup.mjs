// Makes the checkout ready: dependencies, addon, JavaScript; with --tests also what only the tests need. Does what is out
// of date, a line for each, and is silent where all is ready. Node's own modules only: it runs before npm ci.
import * as steps from './lib/steps.mjs';
import { provideTools } from './lib/tools.mjs';
import { giveUp } from './lib/tree.mjs';

async function setup({ tests }) {
  if (tests) await provideTools('tests', steps.say);
  await steps.dependencies();
  await steps.nativeAddon();
  await steps.typescript();
  if (!tests) return;
  await steps.testTypescript();
  await steps.cmakeAddon();
  await steps.nativeTests();
}

await setup({ tests: process.argv.includes('--tests') }).catch((error) => giveUp('setup', error));
