// Provides what the named jobs need from the system: node scripts/system-tools.mjs [build] [tests] [lint].
import { provideTools } from './lib/tools.mjs';

for (const job of process.argv.slice(2)) await provideTools(job, (line) => process.stdout.write(`${line}\n`));
