import * as fs from 'node:fs';
import * as os from 'node:os';
import { unpackAddress, type Address } from '../address';
import * as c from '../constants';
import { NO_DROPS } from './diagnosed';
import type { ListeningSocket } from './listeners';

/** Of the calling thread's network namespace; /proc/net would be that of the process's first thread. */
const FOLDER = '/proc/thread-self/net';
/** include/net/tcp_states.h, and __SO_ACCEPTCON of include/uapi/linux/net.h. */
const LISTEN = '0A';
const ACCEPTS = 1 << 16;

const SOCKADDR_IN6_BYTES = 28;

/** @internal The TCP listeners in /proc/net/tcp and tcp6, which tell how many wait, and not the limit: proc(5). */
export function procInternetListeners(port: number, reason: string): ListeningSocket[] {
  const rows = [...rowsOf('tcp'), ...rowsOfIPv6()];
  return rows
    .filter(([, , , state]) => state === LISTEN)
    .map(([, local = '', , , queues = '', , , uid, , inode]) => {
      const address = addressOf(local);
      return {
        ...NOTHING_KNOWN,
        protocol: 'tcp' as const,
        address,
        length: parseInt(queues.slice(queues.indexOf(':') + 1), 16),
        inode: Number(inode),
        uid: Number(uid),
        why: {
          limit: reason,
          drops: reason,
          synLength: reason,
          cookie: reason,
          memory: reason,
          interface: reason,
          ...(address.family === 'IPv6' && { ipv6Only: reason }),
        },
      };
    })
    .filter(({ address }) => port === 0 || (address.family !== 'unix' && address.port === port));
}

/** @internal The AF_UNIX listeners in /proc/net/unix, which tells nothing of their queues. */
export function procUnixListeners(reason: string): ListeningSocket[] {
  return rowsOf('unix')
    .filter(([, , , flags = '']) => (parseInt(flags, 16) & ACCEPTS) !== 0)
    .map(([, , , , type = '', , inode, path = '']) => ({
      ...NOTHING_KNOWN,
      protocol: 'unix' as const,
      type: parseInt(type, 16) === c.SOCK_SEQPACKET ? ('seqpacket' as const) : ('stream' as const),
      address: { family: 'unix' as const, path: abstractOr(path) },
      inode: Number(inode),
      why: { length: reason, limit: reason, drops: NO_DROPS, uid: reason, cookie: reason, memory: reason },
    }));
}

const NOTHING_KNOWN = {
  type: 'stream',
  interface: undefined,
  ipv6Only: undefined,
  length: undefined,
  limit: undefined,
  drops: undefined,
  synLength: undefined,
  uid: undefined,
  cookie: undefined,
  memory: undefined,
  processes: undefined,
} as const;

/** An abstract name is shown with an '@' for each NUL; the first is one for sure. */
function abstractOr(path: string): string {
  return path.startsWith('@') ? `\0${path.slice(1)}` : path;
}

/** The lines of a table below its heading, by column. A path may hold spaces: the eighth column is the rest. */
function rowsOf(table: string): string[][] {
  const lines = fs.readFileSync(`${FOLDER}/${table}`, 'utf8').split('\n').slice(1);
  return lines
    .filter((line) => line !== '')
    .map((line) => {
      if (table !== 'unix') return line.trim().split(/\s+/);
      const [, head = '', path = ''] = /^((?:\S+\s+){6}\S+) ?(.*)$/.exec(line) ?? [];
      return [...head.split(/\s+/), path];
    });
}

/** None where the kernel has no IPv6. */
function rowsOfIPv6(): string[][] {
  return fs.existsSync(`${FOLDER}/tcp6`) ? rowsOf('tcp6') : [];
}

/** "0100007F:1F90": the address in 32-bit words as this machine holds them, the port as a number. */
function addressOf(text: string): Address {
  const [words = '', port = ''] = text.split(':');
  const bytes = Buffer.from(words, 'hex');
  if (os.endianness() === 'LE') bytes.swap32();
  const ipv6 = bytes.byteLength === 16;
  const packed = Buffer.alloc(ipv6 ? SOCKADDR_IN6_BYTES : 16);
  const family = ipv6 ? c.AF_INET6 : c.AF_INET;
  if (os.endianness() === 'LE') packed.writeUInt16LE(family, 0);
  else packed.writeUInt16BE(family, 0);
  packed.writeUInt16BE(parseInt(port, 16), 2);
  bytes.copy(packed, ipv6 ? 8 : 4);
  return unpackAddress(packed);
}
