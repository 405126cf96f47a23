import * as os from 'node:os';
import { addressAt, type Address, type PackedAddress } from '../address';
import { native } from '../native/load';

/** What the addon leaves for each address: a 32-bit length, then room for any (sockaddr_storage). */
const RECORD_BYTES = 132;
const LENGTH_BYTES = 4;

const littleEndian = os.endianness() === 'LE';
const records = native.acceptedPeers;
const lengths = new DataView(records.buffer);

/** The socket's own address: getsockname(2). */
export function localName(fd: number): Address {
  native.getsockname(fd);
  return peerAddress(0);
}

/** The address of the other end: getpeername(2). */
export function peerName(fd: number): Address {
  native.getpeername(fd);
  return peerAddress(0);
}

/** The same, packed, to be read when somebody asks. */
export function packedPeerName(fd: number): PackedAddress {
  native.getpeername(fd);
  return packedPeer(0);
}

/** The peer that the last accept call left at `index`. */
export function peerAddress(index: number): Address {
  return addressAt(records, startOf(index), lengthAt(index));
}

/** The same, packed and copied: the next call overwrites it. */
export function packedPeer(index: number): PackedAddress {
  return records.slice(startOf(index), startOf(index) + lengthAt(index));
}

function startOf(index: number): number {
  return index * RECORD_BYTES + LENGTH_BYTES;
}

function lengthAt(index: number): number {
  return lengths.getUint32(index * RECORD_BYTES, littleEndian);
}
