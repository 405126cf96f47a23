import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { connect, listen } from 'listenq';
import * as c from 'listenq/syscalls';
import { inChild } from '../support/child';
import { anyOf, needsRoot, needsTool, openDescriptors, temporaryFolder } from '../support/machine';
import { runPython } from '../support/python';
import { beginConnects, closeAll } from '../support/sockets';

const folder = temporaryFolder();
let made = 0;
const fresh = (): string => path.join(folder, `s${made++}`);

test('listen: a path is a socket file, by its name, and gone after close', () => {
  const file = fresh();
  const listener = listen({ path: file });
  assert.equal(fs.statSync(file).isSocket(), true);
  assert.deepEqual(listener.address(), { family: 'unix', path: file });
  assert.equal(listener.getOption('SOL_SOCKET', 'SO_TYPE'), c.SOCK_STREAM);
  listener.close();
  assert.equal(fs.existsSync(file), false);
});

test('listen: close leaves a file of the same name that is not its own', () => {
  const file = fresh();
  const first = listen({ path: file });
  fs.rmSync(file);
  const second = listen({ path: file });
  first.close();
  assert.equal(fs.statSync(file).isSocket(), true);
  connect({ path: file }).close();
  second.close();
  assert.equal(fs.existsSync(file), false);
  const third = listen({ path: file });
  fs.renameSync(file, `${file}.moved`);
  fs.writeFileSync(file, 'a file');
  third.close();
  assert.equal(fs.readFileSync(file, 'utf8'), 'a file');
});

test('listen: a relative path is removed though the process changed its folder', () => {
  const { result } = inChild(
    (q, _, place: string) => {
      process.chdir(place);
      const listener = q.listen({ path: 'relative.sock' });
      const address = listener.address();
      process.chdir('/');
      listener.close();
      const { existsSync } = require('node:fs') as typeof import('node:fs');
      return { address, left: existsSync(`${place}/relative.sock`) };
    },
    { data: folder },
  );
  assert.deepEqual(result, { address: { family: 'unix', path: 'relative.sock' }, left: false });
});

test('release, detach: leave the file', () => {
  const file = fresh();
  listen({ path: file }).release();
  assert.equal(fs.existsSync(file), true);
  fs.rmSync(file);
  const listener = listen({ path: file });
  const fd = listener.detach();
  connect({ path: file }).close();
  c.close(fd);
  assert.equal(fs.existsSync(file), true);
});

for (const umask of [0o000, 0o022, 0o077, 0o777]) {
  test(`listen: mode under umask ${umask.toString(8).padStart(3, '0')}`, () => {
    const { result } = inChild(
      (q, _, { place, mask }: { place: string; mask: number }) => {
        const { lstatSync } = require('node:fs') as typeof import('node:fs');
        process.umask(mask);
        const modes = [undefined, 0o777, 0o660, 0o600, 0o400, 0o000, 0o721].map((mode, i) => {
          const file = `${place}/m${mask}-${i}`;
          const listener = q.listen(mode === undefined ? { path: file } : { path: file, mode });
          const found = lstatSync(file).mode & 0o7777;
          listener.close();
          return found;
        });
        // Read as a system call would: set, and set back.
        return { modes, after: process.umask(0) };
      },
      { data: { place: folder, mask: umask } },
    );
    assert.deepEqual(result.modes, [0o777 & ~umask, 0o777, 0o660, 0o600, 0o400, 0o000, 0o721]);
    assert.equal(result.after, umask, 'the umask of the process is as it was');
  });
}

test('listen: mode 0o600 keeps another user out, with EACCES', { skip: needsRoot() }, () => {
  const open = fs.mkdtempSync('/tmp/listenq-open-');
  fs.chmodSync(open, 0o755);
  const file = path.join(open, 's');
  const listener = listen({ path: file, mode: 0o600 });
  const attempt = (): unknown =>
    inChild(
      (q, _, to: string) => {
        process.setuid?.(65534);
        try {
          q.connect({ path: to }).close();
          return 'connected';
        } catch (error) {
          const { code, errno, syscall, path: named } = error as InstanceType<typeof q.SystemCallError>;
          return { code, errno, syscall, path: named };
        }
      },
      { data: file },
    ).result;
  assert.deepEqual(attempt(), { code: 'EACCES', errno: -13, syscall: 'connect', path: file });
  fs.chmodSync(file, 0o666);
  assert.equal(attempt(), 'connected');
  listener.close();
  fs.rmdirSync(open);
});

test('listen: a path that is taken is EADDRINUSE, and the file stays', () => {
  const file = fresh();
  const listener = listen({ path: file });
  const inode = fs.statSync(file).ino;
  const before = openDescriptors();
  for (const mode of [undefined, 0o600]) {
    assert.throws(() => listen(mode === undefined ? { path: file } : { path: file, mode }), {
      name: 'SystemCallError',
      code: 'EADDRINUSE',
      syscall: 'bind',
      path: file,
      message: /socket file of a server that is gone/,
    });
  }
  assert.deepEqual(openDescriptors(), before);
  assert.equal(fs.statSync(file).ino, inode);
  assert.notEqual(fs.statSync(file).mode & 0o777, 0o600);
  listener.close();
});

test('listen: if listen(2) fails after bind, the file is removed again', () => {
  // Only a shortage can do that: the second descriptor that a Listener needs, for its waker, is not to be had.
  const file = fresh();
  const { result } = inChild(
    (q, s, to: string) => {
      const { existsSync, openSync, closeSync } = require('node:fs') as typeof import('node:fs');
      const { hard } = s.getrlimit(s.RLIMIT_NOFILE);
      const next = s.socket(s.AF_INET, s.SOCK_STREAM);
      s.close(next);
      s.setrlimit(s.RLIMIT_NOFILE, { soft: next + 1, hard });
      try {
        q.listen({ path: to }).close();
        return 'listens';
      } catch (error) {
        const { code } = error as { code: string };
        // The one place is free again.
        closeSync(openSync('/dev/null', 'r'));
        return { code, left: existsSync(to) };
      }
    },
    { data: file },
  );
  assert.deepEqual(result, { code: 'EMFILE', left: false });
});

test('listen: abstract names leave no file, and a closed one can be had again', () => {
  const before = openDescriptors();
  for (const name of ['\0listenq-name', '\0listenq\0with\0NULs', `\0${'x'.repeat(107)}`, '\0žluť-鲤']) {
    for (let i = 0; i < 2; i++) {
      const listener = listen({ path: name });
      assert.deepEqual(listener.address(), { family: 'unix', path: name });
      const client = connect({ path: name });
      assert.deepEqual(client.remoteAddress, { family: 'unix', path: name });
      closeAll([client, listener.accept(), listener]);
    }
  }
  assert.deepEqual(openDescriptors(), before);
});

test('listen: paths of 107 bytes and of UTF-8', () => {
  for (const name of [path.join(folder, 'p'.repeat(106 - folder.length)), path.join(folder, 'ž鲤 a\n')]) {
    const listener = listen({ path: name });
    assert.deepEqual(listener.address(), { family: 'unix', path: name });
    assert.equal(fs.statSync(name).isSocket(), true);
    closeAll([connect({ path: name }), listener]);
    assert.equal(fs.existsSync(name), false);
  }
});

test('listen: seqpacket keeps the bounds of messages', { skip: anyOf(needsTool('python3')) }, () => {
  const file = fresh();
  const listener = listen({ path: file, seqpacket: true, backlog: 2 });
  assert.equal(listener.getOption('SOL_SOCKET', 'SO_TYPE'), c.SOCK_SEQPACKET);
  const program = `
import socket, sys
client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
client.connect(sys.argv[1])
client.send(b'one')
client.send(b'three')`;
  runPython(program, file);
  const connection = listener.accept();
  assert.equal(connection.recv(100).toString(), 'one');
  assert.equal(connection.recv(100).toString(), 'three');
  assert.equal(connection.recv(100).length, 0);
  closeAll([connection, listener]);
});

for (const seqpacket of [false, true]) {
  test(`queue: of a path${seqpacket ? ', seqpacket' : ''}: backlog 2 lets three wait, and the fourth has EAGAIN`, () => {
    const file = fresh();
    const listener = listen({ path: file, seqpacket, backlog: 2 });
    assert.deepEqual(listener.queue(), { length: 0, limit: 2, drops: undefined });
    const type = seqpacket ? c.SOCK_SEQPACKET : c.SOCK_STREAM;
    const at = listener.address();
    const clients = beginConnects(at, 3, type);
    assert.throws(() => beginConnects(at, 1, type), { code: 'EAGAIN', syscall: 'connect' });
    assert.deepEqual(listener.queue(), { length: 3, limit: 2, drops: undefined });
    const accepted = listener.acceptMany(10);
    assert.equal(accepted.length, 3);
    assert.deepEqual(listener.queue(), { length: 0, limit: 2, drops: undefined });
    listener.setBacklog(0);
    assert.equal(listener.queue().limit, 0);
    closeAll([...clients, ...accepted, listener]);
  });
}
