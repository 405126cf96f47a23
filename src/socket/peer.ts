import * as os from 'node:os';
import type { PackedAddress } from '../address';
import { native } from '../native/load';

/** What the addon leaves for each connection: a 32-bit length, then room for any address (sockaddr_storage). */
const RECORD_BYTES = 132;
const LENGTH_BYTES = 4;

const littleEndian = os.endianness() === 'LE';
const lengths = new DataView(native.acceptedPeers.buffer);

/** The address that the last accept call left at `index`, copied: the next call overwrites it. */
export function peerAt(index: number): PackedAddress {
  const start = index * RECORD_BYTES;
  const length = lengths.getUint32(start, littleEndian);
  return native.acceptedPeers.slice(start + LENGTH_BYTES, start + LENGTH_BYTES + length);
}
