import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AcceptLoop, AcceptLoopOptions } from 'listenq';
import * as c from 'listenq/syscalls';
import { anyOf, needsTool, openDescriptors, privateNetwork } from '../support/machine';
import { startPython } from '../support/python';
import { beginConnect, beginConnects, closeAll, portOf } from '../support/sockets';
import { until } from '../support/until';
import { addressOf, block, blockUntil, fateOf, isOpen, sleep, withLoop, type Fate } from './support';

const skip = privateNetwork();
const LOCAL = { host: '127.0.0.1', backlog: 100 };
const BUSY = Buffer.from(
  'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\nConnection: close\r\n\r\nbusy\n',
);

const ENDS: [overload: NonNullable<AcceptLoopOptions['overload']>, name: string, fate: Fate][] = [
  ['reset', "'reset'", { text: '', then: 'reset' }],
  ['close', "'close'", { text: '', then: 'end' }],
  [BUSY, 'bytes', { text: BUSY.toString(), then: 'end' }],
];

/** Waits until the accepting thread runs: its first client may have waited too long for it. */
async function running(loop: AcceptLoop): Promise<number> {
  const client = beginConnect(addressOf(loop));
  const given = new AbortController();
  const call = loop.accept({ signal: given.signal }).then(
    (connection) => connection.close(),
    () => undefined,
  );
  const ended = (): boolean => loop.stats().delivered + loop.stats().refused.maxWaitMs > 0;
  await until(ended, 'the first client was taken or refused');
  given.abort();
  await call;
  c.close(client);
  return loop.stats().refused.maxWaitMs;
}

for (const [overload, name, fate] of ENDS) {
  test(`overload ${name}, maxWaiting: those beyond it, while this thread is blocked`, { skip }, async () => {
    await withLoop(LOCAL, { overload, maxWaiting: 3 }, async (loop) => {
      await running(loop);
      const clients = beginConnects(addressOf(loop), 8);
      blockUntil(() => loop.stats().accepted === 9, 'all were accepted');
      // Read without one turn of the event loop.
      assert.deepEqual(
        clients.slice(3).map((fd) => fateOf(fd)),
        Array(5).fill(fate),
      );
      assert.deepEqual(clients.slice(0, 3).map(isOpen), [true, true, true]);
      assert.equal(loop.stats().refused.maxWaiting, 5);
      const taken = [await loop.accept(), await loop.accept(), await loop.accept()];
      assert.deepEqual(
        taken.map((connection) => connection.remoteAddress),
        clients.slice(0, 3).map((fd) => c.getsockname(fd)),
      );
      closeAll([...clients, ...taken]);
    });
  });

  test(
    `overload ${name}, maxWaitMs: those that waited in the loop, while this thread is blocked`,
    { skip },
    async () => {
      await withLoop(LOCAL, { overload, maxWaitMs: 60 }, async (loop) => {
        const before = await running(loop);
        const clients = beginConnects(addressOf(loop), 3);
        const start = performance.now();
        assert.deepEqual(
          clients.map((fd) => fateOf(fd)),
          Array(3).fill(fate),
        );
        assert.ok(performance.now() - start > 40, 'not before their time');
        assert.deepEqual([loop.stats().refused.maxWaitMs, loop.stats().waiting], [before + 3, 0]);
        assert.ok(loop.stats().longestWaitMs >= 60);
        // One that comes now has not waited.
        const fresh = beginConnect(addressOf(loop));
        (await loop.accept()).close();
        closeAll([...clients, fresh]);
      });
    },
  );

  test(`overload ${name}, maxWaitMs: the time in the kernel's queue counts`, { skip }, async () => {
    await withLoop(LOCAL, { overload, maxWaitMs: 150 }, async (loop) => {
      const before = await running(loop);
      loop.pause();
      await sleep(20);
      const late = beginConnects(addressOf(loop), 4);
      await sleep(300);
      const fresh = beginConnect(addressOf(loop));
      loop.resume();
      assert.deepEqual(
        late.map((fd) => fateOf(fd)),
        Array(4).fill(fate),
      );
      const taken = await loop.accept();
      assert.deepEqual(taken.remoteAddress, c.getsockname(fresh));
      assert.equal(loop.stats().refused.maxWaitMs, before + 4);
      closeAll([...late, fresh, taken]);
    });
  });

  test(`overload ${name}, AF_UNIX: refused as well; a reset is a plain close there`, { skip }, async () => {
    await withLoop(
      { path: `\0listenq-overload-${name}`, backlog: 20 },
      { overload, maxWaiting: 1 },
      async (loop) => {
        await running(loop);
        const clients = beginConnects(addressOf(loop), 3);
        blockUntil(() => loop.stats().refused.maxWaiting === 2, 'two were refused');
        const ends = { ...fate, then: 'end' };
        assert.deepEqual(
          clients.slice(1).map((fd) => fateOf(fd)),
          [ends, ends],
        );
        (await loop.accept()).close();
        closeAll(clients);
      },
    );
  });
}

test(
  'overload, maxWaitMs, AF_UNIX: the time in the kernel is not known, and does not count',
  { skip },
  async () => {
    await withLoop(
      { path: '\0listenq-overload-late', backlog: 5 },
      { overload: 'close', maxWaitMs: 150 },
      async (loop) => {
        const before = await running(loop);
        loop.pause();
        await sleep(20);
        const client = beginConnect(addressOf(loop));
        await sleep(300);
        loop.resume();
        const taken = await loop.accept();
        assert.equal(loop.stats().refused.maxWaitMs, before);
        closeAll([client, taken]);
      },
    );
  },
);

test("overload 'wait': nobody is refused, whatever maxWaitMs and maxWaiting say", { skip }, async () => {
  await withLoop(LOCAL, { overload: 'wait', maxWaitMs: 20, maxWaiting: 1 }, async (loop) => {
    const clients = beginConnects(addressOf(loop), 3);
    await until(() => loop.stats().waiting === 3, 'all wait');
    block(60);
    assert.ok(clients.every(isOpen));
    for (let i = 0; i < 3; i++) (await loop.accept()).close();
    assert.deepEqual(loop.stats().refused, { maxWaitMs: 0, maxWaiting: 0, maxConnections: 0, blockList: 0 });
    closeAll(clients);
  });
});

test('overload, maxWaiting 0: only a caller that waits in accept() gets one', { skip }, async () => {
  await withLoop(LOCAL, { overload: 'close', maxWaiting: 0 }, async (loop) => {
    const call = loop.accept();
    const first = beginConnect(addressOf(loop));
    const taken = await call;
    const second = beginConnect(addressOf(loop));
    assert.deepEqual([fateOf(second).then, isOpen(first)], ['end', true]);
    closeAll([first, second, taken]);
  });
});

const HTTP_CLIENTS = `
import socket, sys, time
port, count = int(sys.argv[1]), int(sys.argv[2])
got = []
body = b'x' * 20000
clients = [socket.create_connection(('127.0.0.1', port)) for _ in range(count)]
for s in clients:
    s.sendall(b'POST / HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: %d\\r\\n\\r\\n' % len(body) + body)
for s in clients:
    s.settimeout(10)
    whole = b''
    try:
        while True:
            part = s.recv(65536)
            if not part:
                whole += b'|end'
                break
            whole += part
    except OSError as error:
        whole += b'|' + type(error).__name__.encode()
    got.append(whole.decode())
print('\\n---\\n'.join(got))
`;

test(
  'overload bytes: clients that have sent a request with a body read the whole answer and then the end, no reset',
  { skip: anyOf(skip, needsTool('python3')) },
  async () => {
    await withLoop(LOCAL, { overload: BUSY, maxWaiting: 0 }, async (loop) => {
      await running(loop);
      const peer = startPython(HTTP_CLIENTS, portOf(addressOf(loop)), 20);
      blockUntil(() => loop.stats().refused.maxWaiting === 20, 'all were refused');
      block(100);
      const answers = (await peer.output).split('\n---\n');
      assert.deepEqual(answers, Array(20).fill(`${BUSY.toString()}|end`));
    });
  },
);

test(
  'overload bytes: a client that neither reads nor ends is let go of, with its descriptor',
  { skip },
  async () => {
    await withLoop(LOCAL, { overload: BUSY, maxWaiting: 0 }, async (loop) => {
      await running(loop);
      const before = openDescriptors().length;
      const clients = beginConnects(addressOf(loop), 5);
      blockUntil(() => loop.stats().refused.maxWaiting === 5, 'all were refused');
      assert.equal(openDescriptors().length, before + 10, 'the streams may go on for a moment');
      await until(() => openDescriptors().length === before + 5, 'the descriptors of the refused are closed');
      closeAll(clients);
    });
  },
);

test('overload bytes: what the caller changes in its buffer afterwards is not sent', { skip }, async () => {
  const bytes = Uint16Array.of(0x4142, 0x4344);
  const sent = Buffer.from(bytes.buffer).toString();
  await withLoop(LOCAL, { overload: bytes, maxWaiting: 0 }, (loop) => {
    bytes.fill(0);
    const client = beginConnect(addressOf(loop));
    assert.deepEqual(fateOf(client), { text: sent, then: 'end' });
    closeAll([client]);
  });
});
