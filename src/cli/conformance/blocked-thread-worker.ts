/** The second thread of a fact: makes one blocking call, and says what came of it. */
import * as fs from 'node:fs';
import { workerData } from 'node:worker_threads';
import * as sys from 'listenq/syscalls';
import { DONE, FD, LENGTH, TID, type ThreadTask } from './blocked-thread';
import { eventsText } from './events';
import { answer } from './outcome';

function make({ call, fd, to, words }: ThreadTask): string {
  switch (call) {
    case 'accept':
      words[FD] = sys.accept(fd, sys.SOCK_CLOEXEC).fd;
      return 'a connection';
    case 'recv':
      return String(sys.recv(fd, Buffer.alloc(16)));
    case 'poll': {
      const entry: sys.PollEntry = { fd, events: sys.POLLIN };
      sys.poll([entry], 20_000);
      return eventsText(entry.revents ?? 0);
    }
    case 'connect':
      sys.connect(fd, { family: 'unix', path: to ?? '' });
      return 'connected';
  }
}

const task = workerData as ThreadTask;
// "<pid>/task/<tid>"
const tid = Number(fs.readlinkSync('/proc/thread-self').split('/').pop());
Atomics.store(task.words, TID, tid);
Atomics.notify(task.words, TID);
const text = Buffer.from(answer(() => make(task)));
task.text.set(text);
task.words[LENGTH] = text.length;
Atomics.store(task.words, DONE, 1);
Atomics.notify(task.words, DONE);
