import * as sys from 'listenq/syscalls';
import type { Scope } from '../conformance/scope';

/** RFC 2544's addresses for measurements: nobody's, so that nothing there answers. */
const FIRST_SOURCE = 0xc612_0001;
const SOURCES = 2 ** 17 - 2;
const LOOPBACK = 0x7f00_0001;
/** 198.18.0.0/15 */
const DESTINATION_BITS = 15;
const IP_BYTES = 20;
const TCP_BYTES = 20;
/** raw(7): the caller writes the IP header too. */
const IPPROTO_RAW = 255;
const SYN = 0x02;
const ACK = 0x10;
/** On loopback a packet has been dealt with when send(2) returns, or a moment later on a busy machine. */
export const SETTLES_MS = 100;

/** An address and port of nobody's. */
export interface Source {
  address: number;
  port: number;
}

/** Sends SYNs to a port of 127.0.0.1, each from another address. Needs CAP_NET_RAW, and `routeSources`. */
export class SynSender {
  readonly #fd: number;
  readonly #packet = Buffer.alloc(IP_BYTES + TCP_BYTES);
  #sent = 0;

  constructor(s: Scope, port: number) {
    this.#fd = s.socket(sys.AF_INET, sys.SOCK_RAW, IPPROTO_RAW);
    sys.connect(this.#fd, { family: 'IPv4', address: '127.0.0.1', port: 0 });
    const ip = this.#packet;
    ip[0] = 0x45;
    ip[8] = 64;
    ip[9] = sys.IPPROTO_TCP;
    ip.writeUInt32BE(LOOPBACK, 16);
    const tcp = ip.subarray(IP_BYTES);
    tcp.writeUInt16BE(port, 2);
    tcp.writeUInt16BE(65535, 14);
  }

  send(count: number): void {
    for (let i = 0; i < count; i++) {
      const source = { address: FIRST_SOURCE + (this.#sent % SOURCES), port: 1024 + (this.#sent % 60_000) };
      this.#segment(source, SYN, 0, 0);
      this.#sent += 1;
    }
  }

  /** Completes the handshake of the client there, whose SYN was answered with this sequence number. */
  acknowledge(source: Source, sequence: number): void {
    this.#segment(source, ACK, 1, (sequence + 1) >>> 0);
  }

  #segment({ address, port }: Source, flags: number, sequence: number, acknowledged: number): void {
    const ip = this.#packet;
    const tcp = ip.subarray(IP_BYTES);
    ip.writeUInt32BE(address, 12);
    tcp.writeUInt16BE(port, 0);
    tcp.writeUInt32BE(sequence, 4);
    tcp.writeUInt32BE(acknowledged, 8);
    tcp.writeUInt16BE(((TCP_BYTES / 4) << 12) | flags, 12);
    tcp.writeUInt16BE(0, 16);
    // The kernel fills in the IP header's own length and checksum; the TCP one also covers a part of that header.
    tcp.writeUInt16BE(checksum(tcp, sum(ip.subarray(12, 20)) + sys.IPPROTO_TCP + TCP_BYTES), 16);
    sys.send(this.#fd, ip);
  }
}

function sum(bytes: Buffer): number {
  let total = 0;
  for (let at = 0; at < bytes.length; at += 2) total += bytes.readUInt16BE(at);
  return total;
}

/** RFC 1071. */
function checksum(bytes: Buffer, start: number): number {
  let total = start + sum(bytes);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return ~total & 0xffff;
}

/** rtnetlink(7): the numbers of its headers. */
const RTM_NEWROUTE = 24;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const NLM_F_CREATE = 0x400;
const RT_TABLE_MAIN = 254;
const RTPROT_BOOT = 3;
const RT_SCOPE_LINK = 253;
const RTN_UNICAST = 1;
const RTA_DST = 1;
const RTA_OIF = 4;
/** Of `lo`, the first interface of every network namespace. */
const LOOPBACK_INDEX = 1;

/**
 * Routes the senders' addresses to `lo` in this network namespace, so that a SYN-ACK has somewhere to go: it comes back,
 * is nobody's, and is dropped without an answer. As `ip route add 198.18.0.0/15 dev lo`. Needs CAP_NET_ADMIN.
 */
export function routeSources(): void {
  const message = Buffer.alloc(44);
  const words = new DataView(message.buffer, message.byteOffset);
  const little = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
  words.setUint32(0, message.length, little);
  words.setUint16(4, RTM_NEWROUTE, little);
  words.setUint16(6, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, little);
  message.set(
    [sys.AF_INET, DESTINATION_BITS, 0, 0, RT_TABLE_MAIN, RTPROT_BOOT, RT_SCOPE_LINK, RTN_UNICAST],
    16,
  );
  words.setUint16(28, 8, little);
  words.setUint16(30, RTA_DST, little);
  message.writeUInt32BE(FIRST_SOURCE - 1, 32);
  words.setUint16(36, 8, little);
  words.setUint16(38, RTA_OIF, little);
  words.setUint32(40, LOOPBACK_INDEX, little);
  const fd = sys.socket(sys.AF_NETLINK, sys.SOCK_RAW | sys.SOCK_CLOEXEC);
  try {
    sys.send(fd, message);
    const answer = Buffer.alloc(256);
    sys.recv(fd, answer);
    const errno = new DataView(answer.buffer, answer.byteOffset).getInt32(16, little);
    if (errno !== 0) throw new Error(`rtnetlink refuses the route to 198.18.0.0/15: error ${-errno}`);
  } finally {
    sys.close(fd);
  }
}
