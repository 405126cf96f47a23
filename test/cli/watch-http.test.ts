import assert from 'node:assert/strict';
import * as net from 'node:net';
import { test } from 'node:test';
import { listen } from 'listenq';
import { privateNetwork } from '../support/machine';
import { inodeOf, portOf } from '../support/sockets';
import { runCommand } from './command-line';
import { ask, eventsOf, eventsUntil, keepOpen, samplesOf, withPageServer } from './page-server';
import { filled } from './private-command';

const skip = privateNetwork();

test(
  'watch --http: a page, its script and its style, with nothing inline and nothing from elsewhere',
  { skip },
  async () => {
    await withPageServer([], async ({ port, url }) => {
      assert.equal(url, `http://127.0.0.1:${port}/`);
      for (const [path, type] of [
        ['/', 'text/html'],
        ['/watch.js', 'text/javascript'],
        ['/watch.css', 'text/css'],
        ['/icon.svg', 'image/svg+xml'],
      ] as const) {
        const { status, headers, body } = await ask(port, path);
        assert.equal(status, 200, path);
        assert.equal(headers['content-type'], `${type}; charset=utf-8`);
        assert.equal(Buffer.byteLength(body), Number(headers['content-length']));
        if (path !== '/') continue;
        assert.match(body, /^<!doctype html>\n<html lang="en">/);
        assert.doesNotMatch(body, /<script(?! src="\/)|<style|\son\w+=|\sstyle=|https?:|="\/\//);
      }
      assert.equal((await ask(port, '/elsewhere')).status, 404);
    });
  },
);

test('watch --http: every answer forbids other origins, frames, sniffing and keeping', { skip }, async () => {
  await withPageServer([], async ({ port }) => {
    for (const path of ['/', '/events', '/watch.js', '/elsewhere']) {
      const { headers } = await ask(port, path);
      assert.match(String(headers['content-security-policy']), /^default-src 'none'; /);
      assert.match(String(headers['content-security-policy']), /; frame-ancestors 'none'$/);
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['cross-origin-resource-policy'], 'same-origin');
      assert.equal(headers['referrer-policy'], 'no-referrer');
      assert.equal(headers['cache-control'], 'no-store');
      assert.deepEqual(
        Object.keys(headers).filter((name) => name.startsWith('access-control')),
        [],
      );
    }
  });
});

test(
  'watch --http, Host: only names of this machine itself are answered, 403 for others',
  { skip },
  async () => {
    await withPageServer([], async ({ port }) => {
      const statusOf = async (host: string): Promise<number> =>
        (await ask(port, '/events', { headers: { host } })).status;
      for (const host of ['localhost', '127.0.0.1', '[::1]']) {
        assert.equal(await statusOf(`${host}:${port}`), 200, host);
        assert.equal(await statusOf(`${host}:9`), 200, 'the port of a tunnel');
      }
      for (const host of [
        'evil.example',
        `evil.example:${port}`,
        '10.0.0.1',
        '127.0.0.1.evil.example',
        'a b',
      ]) {
        assert.equal(await statusOf(host), 403, host);
      }
      assert.match(await spoken(port, 'GET /events HTTP/1.0\r\n\r\n'), /^HTTP\/1.1 403 /, 'no Host at all');
    });
  },
);

/** What is answered to these bytes. */
async function spoken(port: number, text: string): Promise<string> {
  const socket = net.connect(port, '127.0.0.1');
  socket.end(text);
  let answer = '';
  for await (const chunk of socket.setEncoding('utf8')) answer += String(chunk);
  return answer;
}

test(
  'watch --http, another origin: 403 by Origin and by Sec-Fetch-Site, but for a link to the page',
  { skip },
  async () => {
    await withPageServer([], async ({ port }) => {
      const statusOf = async (path: string, headers: Record<string, string>): Promise<number> =>
        (await ask(port, path, { headers })).status;
      assert.equal(await statusOf('/events', { origin: `http://127.0.0.1:${port}` }), 200);
      for (const origin of [
        'http://evil.example',
        'http://127.0.0.1:1',
        `http://localhost:${port}`,
        'null',
        'x',
      ]) {
        assert.equal(await statusOf('/events', { origin }), 403, origin);
        assert.equal(await statusOf('/', { origin }), 403, origin);
      }
      for (const [site, status] of Object.entries({
        'same-origin': 200,
        none: 200,
        'same-site': 403,
        'cross-site': 403,
      })) {
        for (const path of ['/', '/events', '/watch.js']) {
          assert.equal(await statusOf(path, { 'sec-fetch-site': site }), status, `${site} ${path}`);
        }
      }
      const link = {
        'sec-fetch-site': 'cross-site',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-dest': 'document',
      };
      assert.equal(await statusOf('/', link), 200);
      assert.equal(await statusOf('/events', link), 403);
      assert.equal(await statusOf('/', { ...link, 'sec-fetch-dest': 'iframe' }), 403);
    });
  },
);

test('watch --http: HEAD is answered without a body, every other method with 405', { skip }, async () => {
  await withPageServer([], async ({ port }) => {
    for (const path of ['/', '/events']) {
      const { status, body } = await ask(port, path, { method: 'HEAD' });
      assert.deepEqual([status, body], [200, '']);
      for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
        const refused = await ask(port, path, { method });
        assert.deepEqual([refused.status, refused.headers.allow], [405, 'GET, HEAD'], method);
      }
    }
  });
});

test(
  'watch --http, /events: who listens, then each sample with the queue as the kernel holds it',
  { skip },
  async () => {
    const { listener, close } = filled({ backlog: 5 }, 9);
    const other = listen({ path: '\0page', backlog: 3 });
    await withPageServer([], async ({ port }) => {
      const [first, second] = await eventsUntil(eventsOf(port), ({ event }) => event === 'sample');
      assert.ok(first?.event === 'roster' && second?.event === 'sample');
      const id = inodeOf(listener.fd);
      const who = first.data.listeners.find((one) => one.id === id);
      assert.deepEqual(
        [who?.address, who?.owner, who?.isUnix],
        [`127.0.0.1:${portOf(listener.address())}`, `node ${process.pid}`, false],
      );
      assert.equal(first.data.listeners.find((one) => one.address === '@page')?.isUnix, true);
      const { length, limit, drops } = listener.queue();
      assert.deepEqual(second.data.queues.find(([one]) => one === id)?.slice(0, 5), [
        id,
        length,
        limit,
        0,
        drops,
      ]);
      assert.deepEqual([length, limit], [6, 5]);
    });
    other.close();
    close();
  },
);

test(
  'watch --http, a listener that comes and one that goes: a new roster, and rows of those that are there',
  { skip },
  async () => {
    await withPageServer([], async ({ port }) => {
      const events = eventsOf(port);
      const isThere = (there: boolean) => (event: { event: string; data: object }) =>
        'listeners' in event.data && JSON.stringify(event.data).includes('@comes') === there;
      await eventsUntil(keepOpen(events), isThere(false));
      const comes = listen({ path: '\0comes' });
      const id = inodeOf(comes.fd);
      await eventsUntil(keepOpen(events), isThere(true));
      const hasRow = (ids: readonly number[]): boolean => ids.includes(id);
      const seen = await eventsUntil(keepOpen(events), ({ event }) => event === 'sample');
      assert.ok(hasRow(samplesOf(seen)[0]?.data.queues.map(([one]) => one) ?? []));
      comes.close();
      await eventsUntil(keepOpen(events), isThere(false));
      const after = await eventsUntil(events, ({ event }) => event === 'sample');
      assert.ok(!hasRow(samplesOf(after)[0]?.data.queues.map(([one]) => one) ?? [id]));
    });
  },
);

test('watch --http --port: only listeners on that port', { skip }, async () => {
  const [one, other] = [filled({ backlog: 5 }, 2), filled({ backlog: 5 }, 2)];
  const chosen = portOf(one.listener.address());
  await withPageServer(['--port', String(chosen)], async ({ port }) => {
    const [roster, sample] = await eventsUntil(eventsOf(port), ({ event }) => event === 'sample');
    assert.ok(roster?.event === 'roster' && sample?.event === 'sample');
    assert.deepEqual(roster.data.ports, [chosen]);
    assert.deepEqual(
      roster.data.listeners.map(({ address }) => address),
      [`127.0.0.1:${chosen}`],
    );
    assert.deepEqual(
      sample.data.queues.map(([id]) => id),
      [inodeOf(one.listener.fd)],
    );
  });
  one.close();
  other.close();
});

test(
  'watch --http, the port is taken, or the address is not here: one line that says what to do, exit status 1',
  { skip },
  () => {
    const taken = listen({ host: '127.0.0.1' });
    const port = portOf(taken.address());
    const first = runCommand(['watch', '--http', String(port)]);
    assert.match(
      first.stderr,
      new RegExp(`^listenq: .*127\\.0\\.0\\.1:${port}: .*choose another port.*EADDRINUSE\\)\n$`),
    );
    assert.deepEqual([first.stdout, first.status], ['', 1]);
    const second = runCommand(['watch', '--http', '0', '--host', '192.0.2.1']);
    assert.match(second.stderr, /^listenq: .*192\.0\.2\.1:0: .*choose one that it has \(EADDRNOTAVAIL\)\n$/);
    assert.deepEqual([second.stdout, second.status], ['', 1]);
    taken.close();
  },
);

for (const [args, named] of [
  [['--http', '0', '--json'], '--json'],
  [['--http', '0', '--once'], '--once'],
  [['--http', '65536'], '65535'],
  [['--http', 'x'], '--http'],
  [['--host', '::1'], '--http'],
  [['--http', '0', '--host', ''], '--host'],
] as const) {
  test(`watch ${args.join(' ')}: a usage error, exit status 2`, () => {
    const { stdout, stderr, status } = runCommand(['watch', ...args]);
    assert.match(stderr, /^listenq: [^\n]+\n$/);
    assert.ok(stderr.includes(named), stderr);
    assert.deepEqual([stdout, status], ['', 2]);
  });
}

test(
  'watch --http --host 0.0.0.0: a warning, and any address of the machine as Host, but no name',
  { skip },
  async () => {
    await withPageServer(['--host', '0.0.0.0'], async ({ port, url, stderr }) => {
      assert.equal(url, `http://0.0.0.0:${port}/`);
      const statusOf = async (host: string): Promise<number> =>
        (await ask(port, '/', { headers: { host } })).status;
      assert.equal(await statusOf(`192.0.2.7:${port}`), 200);
      assert.equal(await statusOf(`[2001:db8::1]:${port}`), 200);
      assert.equal(await statusOf(`evil.example:${port}`), 403);
      assert.match(stderr(), /^listenq: warning: anybody who reaches that port can read [^\n]*\n$/);
    });
  },
);

test('watch --http --host ::1: served there, without a warning', { skip }, async () => {
  await withPageServer(['--host', '::1'], async ({ port, url, stderr }) => {
    assert.equal(url, `http://[::1]:${port}/`);
    assert.equal((await ask(port, '/', { host: '::1' })).status, 200);
    assert.equal(stderr(), '');
  });
});
