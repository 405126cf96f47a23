import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { anyOf, needsTool, privateNetwork } from '../support/machine';
import { startPython } from '../support/python';
import { dropsOf } from '../support/queue';
import { beginConnects, closeAll, portOf } from '../support/sockets';
import { until } from '../support/until';
import { addressOf, block, blockUntil, listenerOf, withLoop } from './support';

const skip = privateNetwork();

/** A counter of this network namespace: /proc/net/netstat. */
function netstat(name: string): number {
  const [names, values] = readFileSync('/proc/thread-self/net/netstat', 'utf8')
    .split('\n')
    .map((line) => line.split(' '));
  return Number(values?.[names?.indexOf(name) ?? -1]);
}

/** A few at a time: a client that never pauses may keep the CPU that the accepting thread needs. */
const CLIENTS = `
import socket, sys, time
to, count = ('127.0.0.1', int(sys.argv[1])), int(sys.argv[2])
clients = []
for i in range(count):
    clients.append(socket.create_connection(to, timeout=20))
    if i % 4 == 3: time.sleep(0.002)
print(sum(s.recv(6) == b'served' for s in clients))
`;

test(
  'this thread blocked, backlog 16: 500 clients connect, the kernel drops none, and all are served afterwards',
  { skip: anyOf(skip, needsTool('python3')) },
  async () => {
    await withLoop({ host: '127.0.0.1', backlog: 16 }, {}, async (loop) => {
      const first = beginConnects(addressOf(loop), 1);
      (await loop.accept()).close();
      const overflows = netstat('ListenOverflows');
      const peer = startPython(CLIENTS, portOf(addressOf(loop)), 500);
      blockUntil(() => loop.stats().waiting === 500, 'all were accepted while this thread was blocked');
      assert.equal(netstat('ListenOverflows') - overflows, 0);
      const listener = listenerOf(loop);
      assert.deepEqual(listener.queue(), { length: 0, limit: 16, drops: 0 });
      assert.equal(dropsOf(listener.fd), 0);
      loop.on('connection', (connection) => {
        connection.sendAll('served');
        connection.close();
      });
      assert.equal(await peer.output, '500');
      closeAll(first);
    });
  },
);

test('a flood: timers and setImmediate have their turn while thousands are taken', { skip }, async () => {
  await withLoop({ host: '127.0.0.1', backlog: 4000 }, { highWaterMark: 4000 }, async (loop) => {
    const clients = beginConnects(addressOf(loop), 2000);
    await until(() => loop.stats().waiting === 2000, 'all wait');
    // How many had been taken at each turn.
    const [turns, timers] = [[] as number[], [] as number[]];
    const turn = (): void => {
      turns.push(loop.stats().delivered);
      if (loop.stats().delivered < 2000) setImmediate(turn);
    };
    const timer = setInterval(() => timers.push(loop.stats().delivered), 1);
    setImmediate(turn);
    loop.on('connection', (connection) => connection.close());
    await until(() => loop.stats().delivered === 2000, 'all were taken');
    clearInterval(timer);
    const steps = turns.slice(1).map((count, index) => count - (turns[index] as number));
    assert.ok(Math.max(...steps) <= 128, `up to ${Math.max(...steps)} in one turn`);
    assert.ok(
      timers.some((count) => count > 0 && count < 2000),
      `a timer in between: ${timers.join()}`,
    );
    closeAll(clients);
  });
});

test('for await over a flood: lets the event loop turn as well', { skip }, async () => {
  await withLoop({ host: '127.0.0.1', backlog: 1000 }, {}, async (loop) => {
    const clients = beginConnects(addressOf(loop), 600);
    await until(() => loop.stats().waiting === 600, 'all wait');
    let turns = 0;
    const turn = (): void => {
      turns++;
      if (loop.stats().delivered < 600) setImmediate(turn);
    };
    setImmediate(turn);
    for await (const connection of loop) {
      connection.close();
      if (loop.stats().delivered === 600) break;
    }
    assert.ok(turns >= 600 / 128, `${turns} turns`);
    closeAll(clients);
  });
});

/** How often the threads of this process have gone to sleep of themselves, this one aside. */
function sleepsOfOthers(): number {
  const tasks = readdirSync('/proc/self/task').filter((task) => Number(task) !== process.pid);
  const sleeps = tasks.map((task) => {
    const status = readFileSync(`/proc/self/task/${task}/status`, 'utf8');
    return Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(status)?.[1]);
  });
  return sleeps.reduce((sum, count) => sum + count, 0);
}

test(
  'wake-ups are one for a burst: this thread is called, and the others sleep, far less often than clients come',
  { skip },
  async () => {
    await withLoop({ host: '127.0.0.1', backlog: 2000 }, {}, async (loop) => {
      const first = beginConnects(addressOf(loop), 1);
      (await loop.accept()).close();
      loop.pause();
      await new Promise((resolve) => setTimeout(resolve, 50));
      const clients = beginConnects(addressOf(loop), 1000);
      let calls = 0;
      loop.on('connection', (connection) => {
        calls++;
        connection.close();
      });
      const before = sleepsOfOthers();
      loop.resume();
      blockUntil(() => loop.stats().waiting === 1000, 'all were accepted');
      const slept = sleepsOfOthers() - before;
      await until(() => calls === 1000, 'all were emitted');
      assert.ok(slept < 200, `the accepting thread slept ${slept} times for 1000 connections`);
      closeAll([...first, ...clients]);
    });
  },
);

test(
  'this thread blocked for a while again and again: nobody is lost',
  { skip: anyOf(skip, needsTool('python3')) },
  async () => {
    await withLoop({ host: '127.0.0.1', backlog: 64 }, {}, async (loop) => {
      const peer = startPython(CLIENTS, portOf(addressOf(loop)), 2000);
      let served = 0;
      loop.on('connection', (connection) => {
        connection.sendAll('served');
        connection.close();
        if (++served % 100 === 0) block(20);
      });
      assert.equal(await peer.output, '2000');
    });
  },
);
