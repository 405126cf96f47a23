import * as path from 'node:path';
import { threadId } from 'node:worker_threads';
import load = require('node-gyp-build');
import { addonNotLoadable, makeSystemCallError, platformUnsupported, SUPPORTED } from '../errors';
import type { Native } from './contract';

/** The root of the package, from `dist/native/`. */
const PACKAGE_ROOT = path.resolve(__dirname, '..', '..');

function loadAddon(): Native {
  let native: Native;
  try {
    native = load(PACKAGE_ROOT) as Native;
  } catch (error) {
    throw addonNotLoadable(error);
  }
  native.setup(makeSystemCallError, threadId);
  return native;
}

/** Stands in where there is no addon: can be imported, and refuses each call and each `new`. */
function refuseAll(): Native {
  const refuse = function (): never {
    throw platformUnsupported();
  };
  const data: Record<string, unknown> = {
    constants: {},
    acceptedFds: new Int32Array(0),
    acceptedPeers: new Uint8Array(0),
    queueWords: new Uint32Array(0),
  };
  return new Proxy({} as Native, { get: (_, name) => data[String(name)] ?? refuse });
}

/** The addon, loaded once for each environment: the main thread, and each worker. */
export const native: Native = SUPPORTED ? loadAddon() : refuseAll();
