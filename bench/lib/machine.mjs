// On what, and with which versions, a run was made.
import { spawnSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import { bunProgram, denoProgram } from '../peers/index.mjs';

function version(command, ...args) {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? /\d+\.\d+(\.\d+)*/.exec(stdout)?.[0] : undefined;
}

export function describeMachine() {
  const versions = {
    Node: process.versions.node,
    libuv: process.versions.uv,
    V8: process.versions.v8,
    'g++': version('g++', '--version'),
    CPython: version('python3', '--version'),
    Bun: bunProgram && version(bunProgram, '--version'),
    Deno: denoProgram && version(denoProgram, '--version'),
  };
  return {
    machine: `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.arch}`,
    // Without what a builder adds: it names a build, and no kernel.
    kernel: `Linux ${release().replace(/-.*/, '')}`,
    versions: Object.entries(versions)
      .filter(([, number]) => number !== undefined)
      .map(([name, number]) => `${name} ${number}`)
      .join(', '),
  };
}
