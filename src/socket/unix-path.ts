import * as fs from 'node:fs';
import type { PackedAddress } from '../address';
import { native } from '../native/load';

const PERMISSION_BITS = 0o777;

/**
 * Binds a socket to a path and has `finish` make it listen; if that fails, the file is removed again.
 *
 * The file never has more permissions than `mode`: bind(2) makes it with those of the socket, less the umask, and what
 * the umask took away is given back before anybody can connect, which takes listen(2).
 */
export function atBoundPath<T>(
  fd: number,
  path: string,
  packed: PackedAddress,
  mode: number | undefined,
  finish: () => T,
): T {
  if (mode !== undefined) fs.fchmodSync(fd, mode);
  native.bind(fd, packed);
  try {
    if (mode !== undefined && (fs.lstatSync(path).mode & PERMISSION_BITS) !== mode) fs.chmodSync(path, mode);
    return finish();
  } catch (error) {
    fs.rmSync(path, { force: true });
    throw error;
  }
}
