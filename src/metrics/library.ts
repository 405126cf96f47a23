import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { invalidArgValue, metricsLibraryMissing, metricsLibraryTooOld } from '../errors';
import * as check from '../validate';

export interface Library {
  name: string;
  /** The oldest version that will do. */
  oldest: readonly [major: number, minor: number];
  /** What npm installs to have one that will do. */
  install: string;
  /** The option that takes the module from whoever has it elsewhere. */
  option: string;
}

/**
 * Loads an optional peer: the program's own copy, as its main script would find it (or, without one, its folder), since
 * another copy has registries of its own; else the one beside this package.
 *
 * @throws ERR_METRICS_LIBRARY_MISSING, ERR_METRICS_LIBRARY_TOO_OLD; what the module throws
 */
export function loadLibrary(library: Library): unknown {
  const { name, oldest, install } = library;
  const [file, load] = findLibrary(library);
  const version = versionAbove(file, name);
  if (isOlder(version, oldest)) throw metricsLibraryTooOld(name, version, oldest.join('.'), install);
  return load(file);
}

function findLibrary({ name, install, option }: Library): [file: string, load: NodeJS.Require] {
  let cause: unknown;
  for (const script of [process.argv[1] ?? 'program', __filename]) {
    const load = createRequire(path.resolve(script));
    try {
      return [load.resolve(name), load];
    } catch (error) {
      cause = error;
    }
  }
  throw metricsLibraryMissing(name, install, option, cause);
}

/** As the package.json says that the file belongs to: not every package lets it be imported. */
function versionAbove(file: string, name: string): string {
  for (let folder = path.dirname(file); folder !== path.dirname(folder); folder = path.dirname(folder)) {
    try {
      const manifest = fs.readFileSync(path.join(folder, 'package.json'), 'utf8');
      const { name: found, version } = JSON.parse(manifest) as { name?: string; version?: string };
      if (found === name && version !== undefined) return version;
    } catch {
      // It stands further up.
    }
  }
  return 'unknown';
}

/** One that doesn't say its version is taken at its word. */
function isOlder(version: string, [major, minor]: readonly [number, number]): boolean {
  const [foundMajor, foundMinor] = version.split('.').map(Number) as [number, number];
  return foundMajor < major || (foundMajor === major && foundMinor < minor);
}

/** Something of a library's that was given, known by functions that it must have. */
export function checkMembers(value: unknown, name: string, expected: string, functions: string[]): unknown {
  const given = check.object(value, name, expected);
  const missing = functions.find((member) => typeof given[member] !== 'function');
  if (missing === undefined) return given;
  throw invalidArgValue(name, `must be ${expected}: it has no ${missing}`, given);
}
