// A reporter for node --test that scripts/test.mjs reads: the runner's own totals, what was skipped, and how a file ended
// whose process failed, which the runner's own report leaves at 'test failed'.
const TOTAL = /^(pass|fail|cancelled) (\d+)$/;

export default async function* resultsReporter(events) {
  /** The names from the file's outermost test down to the one being reported. */
  const path = [];
  for await (const { type, data } of events) {
    if (type === 'test:start') path.splice(data.nesting, Infinity, data.name);
    if (type === 'test:pass' && (data.skip !== undefined || data.todo !== undefined)) {
      const names = [...path.slice(0, data.nesting), data.name];
      yield line({ file: data.file, test: names.join(' > '), reason: reasonOf(data) });
    }
    const { exitCode, signal } = data.details?.error ?? {};
    if (type === 'test:fail' && (signal || exitCode)) {
      yield line({ file: data.file, ended: signal ?? `exit status ${exitCode}` });
    }
    const total = type === 'test:diagnostic' && data.nesting === 0 ? TOTAL.exec(data.message) : null;
    if (total !== null) yield line({ total: total[1], count: Number(total[2]) });
  }
}

function reasonOf({ skip, todo }) {
  if (typeof skip === 'string') return skip;
  if (typeof todo === 'string') return `to do: ${todo}`;
  return todo === undefined ? 'no reason given' : 'to do';
}

const line = (result) => `${JSON.stringify(result)}\n`;
