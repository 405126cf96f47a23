import * as fs from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { temporaryFolder } from '../../support/machine';
import { until } from '../../support/until';
import { Program } from './program';

/** A running HAProxy, and what it says of itself on its stats socket. */
export class Haproxy {
  readonly #socket: string;

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** What "show stat" says of a server, or of FRONTEND or BACKEND, by the names of its columns. */
  async server(name: string): Promise<Record<string, string>> {
    const lines = (await this.ask('show stat')).replace(/^# /, '').trim().split('\n');
    const [names = [], ...rows] = lines.map((line) => line.split(','));
    const row = rows.find(([, server]) => server === name) ?? [];
    return Object.fromEntries(names.map((column, index) => [column, row[index] ?? '']));
  }

  async weight(name: string): Promise<number> {
    return Number((await this.server(name))['weight']);
  }

  ask(command: string): Promise<string> {
    const asking = net.connect(this.#socket);
    asking.write(`${command}\n`);
    return text(asking);
  }
}

/** Starts HAProxy with a file as it is, and a stats socket besides. */
export async function startHaproxy(t: TestContext, file: string): Promise<Haproxy> {
  const folder = temporaryFolder();
  const socket = path.join(folder, 'stats');
  const besides = path.join(folder, 'stats.cfg');
  fs.writeFileSync(besides, `global\n    stats socket ${socket} level admin\n`);
  new Program(t, 'haproxy', 'haproxy', ['-db', '-f', file, '-f', besides]);
  await until(() => fs.existsSync(socket), 'a stats socket of HAProxy');
  return new Haproxy(socket);
}
