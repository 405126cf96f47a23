import * as fs from 'node:fs';
import * as path from 'node:path';

/** A file that is replaced as a whole: whoever opens it finds the old one or the new one. */
export interface Replacement {
  /** The full path. */
  readonly path: string;
  write: (text: string) => void;
}

/**
 * Finds out, before there is anything to write, whether the file can be replaced: its folder must be there and be
 * writable, and what has its name already must be a file, not a device or a folder. Follows symbolic links.
 *
 * @throws Error with what is wrong, in one line
 */
export function replaceable(file: string): Replacement {
  const target = realPath(path.resolve(file));
  const temporary = path.join(path.dirname(target), `.${path.basename(target)}.${process.pid}.tmp`);
  try {
    create(temporary, '');
  } catch (error) {
    throw new Error(`cannot write ${file}: ${whyNot(error as NodeJS.ErrnoException, path.dirname(target))}`, {
      cause: error,
    });
  }
  fs.rmSync(temporary);
  return {
    path: target,
    write: (text) => {
      try {
        create(temporary, text);
        keepMode(target, temporary);
        fs.renameSync(temporary, target);
      } finally {
        fs.rmSync(temporary, { force: true });
      }
    },
  };
}

/** Where the links lead. @throws Error if there is something, and it is no regular file */
function realPath(file: string): string {
  if (!fs.existsSync(file)) return file;
  const target = fs.realpathSync(file);
  if (!fs.statSync(target).isFile()) throw new Error(`cannot write ${file}: it is not a regular file`);
  return target;
}

/** Who was kept from reading the old one is kept from reading the new one. */
function keepMode(old: string, fresh: string): void {
  const found = fs.statSync(old, { throwIfNoEntry: false });
  if (found !== undefined) fs.chmodSync(fresh, found.mode);
}

function create(file: string, text: string): void {
  fs.writeFileSync(file, text, { flag: 'wx' });
}

function whyNot(error: NodeJS.ErrnoException, folder: string): string {
  return error.code === 'ENOENT' ? `there is no folder ${folder}` : error.message;
}
