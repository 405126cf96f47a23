import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listen, type ListenOptions } from 'listenq';
import * as c from 'listenq/syscalls';
import { privateNetwork, setSysctl, temporaryFolder } from '../support/machine';
import { closeAll } from '../support/sockets';

const skip = privateNetwork();
if (skip === false) setSysctl('net.core.somaxconn', 100);

interface Warned extends Error {
  code?: string;
  detail?: string;
}

/** The warnings that `use` causes. */
async function warningsOf(use: () => void): Promise<Warned[]> {
  const warnings: Warned[] = [];
  const hear = (warning: Warned): void => {
    warnings.push(warning);
  };
  process.on('warning', hear);
  use();
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  process.off('warning', hear);
  return warnings;
}

function listening(
  options: ListenOptions,
  then: (backlog: (n: number) => void) => void = () => undefined,
): () => void {
  return () => {
    const listener = listen(options);
    then((n) => {
      listener.setBacklog(n);
    });
    closeAll([listener]);
  };
}

const folder = temporaryFolder();
for (const options of [{ host: '127.0.0.1' }, { path: `${folder}/socket` }]) {
  const where = JSON.stringify(Object.keys(options));
  test(
    `listen at ${where}: a backlog above somaxconn is warned of, with both numbers and the sysctl`,
    { skip },
    async () => {
      const [warning, ...others] = await warningsOf(listening({ ...options, backlog: 101 }));
      assert.deepEqual(others, []);
      assert.deepEqual([warning?.name, warning?.code], ['ListenqBacklogWarning', 'LISTENQ_BACKLOG_CAPPED']);
      assert.match(
        warning?.message ?? '',
        /backlog 101 was capped to 100 .* 101 connections .*sysctl -w net.core.somaxconn=101/,
      );
      assert.match(warning?.detail ?? '', /warnIfCapped: false/);
    },
  );
}

test(
  'setBacklog: the warning comes once for a listener, by whichever call is capped first',
  { skip },
  async () => {
    const once = await warningsOf(
      listening({ backlog: 5 }, (set) => {
        for (const backlog of [50, 100, 200, 300]) set(backlog);
      }),
    );
    assert.deepEqual(once.length, 1);
    assert.match(once[0]?.message ?? '', /backlog 200 was capped to 100/);
    assert.equal(
      (
        await warningsOf(
          listening({ backlog: 500 }, (set) => {
            set(600);
          }),
        )
      ).length,
      1,
    );
  },
);

for (const backlog of [undefined, 0, 1, 100, -1, -(2 ** 31)]) {
  test(`listen: backlog ${backlog} is not warned of with somaxconn 100`, { skip }, async () => {
    assert.deepEqual(await warningsOf(listening(backlog === undefined ? {} : { backlog })), []);
  });
}

test('listen: warnIfCapped false warns of nothing, in setBacklog neither', { skip }, async () => {
  const quiet = listening({ backlog: 2 ** 31 - 1, warnIfCapped: false }, (set) => {
    set(7000);
  });
  assert.deepEqual(await warningsOf(quiet), []);
});

test('listen({ fd }): a backlog that somebody else asked for is not warned of', { skip }, async () => {
  setSysctl('net.core.somaxconn', 1000);
  const fd = c.socket(c.AF_INET, c.SOCK_STREAM | c.SOCK_CLOEXEC);
  c.listen(fd, 500);
  setSysctl('net.core.somaxconn', 100);
  const [warning, ...others] = await warningsOf(() => {
    const adopted = listen({ fd });
    assert.equal(adopted.queue().limit, 500);
    adopted.setBacklog(101);
    adopted.close();
  });
  assert.match(warning?.message ?? '', /backlog 101 was capped/);
  assert.deepEqual(others, []);
});

test('listen: warnIfCapped must be a boolean', () => {
  assert.throws(() => listen({ warnIfCapped: 0 as never }), { code: 'ERR_INVALID_ARG_TYPE' });
});
