// The programs and headers that npm doesn't install: who needs them, which Debian package has them, and installing those.
import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import { CommandFailed, onLinux, run, searchPath } from './tree.mjs';

const command = (...names) =>
  names.some((name) => searchPath.some((folder) => isExecutable(join(folder, name))));

const header = (name) => {
  const extra = (process.env.CPLUS_INCLUDE_PATH ?? process.env.CPATH ?? '').split(':').filter(Boolean);
  return ['/usr/include', '/usr/local/include', ...extra].some((folder) => existsSync(join(folder, name)));
};

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** name: what the messages call it. for: which jobs want it. present: is it here. package: what Debian calls it. */
const TOOLS = [
  { name: 'g++', for: ['build'], present: () => command('g++', 'c++'), package: 'g++' },
  { name: 'make', for: ['build'], present: () => command('make'), package: 'make' },
  { name: 'python3', for: ['build', 'tests'], present: () => command('python3'), package: 'python3' },
  { name: 'cmake', for: ['tests', 'lint'], present: () => command('cmake'), package: 'cmake' },
  { name: 'ninja', for: ['tests', 'lint'], present: () => command('ninja', 'make'), package: 'ninja-build' },
  {
    name: 'doctest',
    for: ['tests', 'lint'],
    present: () => header('doctest/doctest.h'),
    package: 'doctest-dev',
  },
  { name: 'strace', for: ['tests'], present: () => command('strace'), package: 'strace' },
  { name: 'ss', for: ['tests'], present: () => command('ss'), package: 'iproute2' },
  { name: 'ip', for: ['tests'], present: () => command('ip'), package: 'iproute2' },
  { name: 'nc', for: ['tests'], present: () => command('nc'), package: 'netcat-openbsd' },
  { name: 'curl', for: ['tests'], present: () => command('curl'), package: 'curl' },
  { name: 'openssl', for: ['tests'], present: () => command('openssl'), package: 'openssl' },
  { name: 'unshare', for: ['tests'], present: () => command('unshare'), package: 'util-linux' },
  {
    name: 'systemd-socket-activate',
    for: ['tests'],
    present: () => command('systemd-socket-activate'),
    package: 'systemd',
  },
  { name: 'ps', for: ['tests'], present: () => command('ps'), package: 'procps' },
  { name: 'prometheus', for: ['tests'], present: () => command('prometheus'), package: 'prometheus' },
  { name: 'promtool', for: ['tests'], present: () => command('promtool'), package: 'prometheus' },
  { name: 'haproxy', for: ['tests'], present: () => command('haproxy'), package: 'haproxy' },
  { name: 'chromium', for: ['tests'], present: () => command('chromium'), package: 'chromium' },
  { name: 'clang-format', for: ['lint'], present: () => command('clang-format'), package: 'clang-format' },
  { name: 'clang-tidy', for: ['lint'], present: () => command('clang-tidy'), package: 'clang-tidy' },
];

export const hasTool = (name) => TOOLS.find((tool) => tool.name === name).present();

const missingFor = (job) => TOOLS.filter((tool) => tool.for.includes(job) && !tool.present());
const names = (tools) => tools.map((tool) => tool.name).join(', ');
const packages = (tools) => [...new Set(tools.map((tool) => tool.package))];

/**
 * Sees to what a job needs from the system. As root on a system with apt-get it installs what is missing; elsewhere, and
 * under LISTENQ_NO_APT=1, it says what is missing and how to get it. It never fails: who needs a tool that is still
 * missing says so by name.
 */
export async function provideTools(job, say) {
  const missing = onLinux ? missingFor(job) : [];
  if (missing.length === 0) return;
  const wanted = packages(missing);
  const mayInstall = process.getuid?.() === 0 && command('apt-get') && process.env.LISTENQ_NO_APT !== '1';
  if (mayInstall) {
    say(`missing: ${names(missing)}; installing with apt-get: ${wanted.join(' ')}`);
    await aptInstall(wanted, say);
  }
  const left = missingFor(job);
  if (left.length === 0) return;
  const asRoot = process.getuid?.() === 0 ? '' : 'sudo ';
  say(`missing: ${names(left)}; on Debian: ${asRoot}apt-get install ${packages(left).join(' ')}`);
}

async function aptInstall(wanted, say) {
  // RUNLEVEL: the packages of servers, such as prometheus, are not to start them. invoke-rc.d(8)
  const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  try {
    await run('apt-get', ['update'], { env });
    await run('apt-get', ['install', '--yes', '--no-install-recommends', ...wanted], { env });
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    say(`${error.message}\n${error.output.trim().split('\n').slice(-5).join('\n')}`);
  }
}
