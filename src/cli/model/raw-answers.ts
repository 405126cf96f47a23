import * as os from 'node:os';
import * as sys from 'listenq/syscalls';
import type { Scope } from '../conformance/scope';
import type { Source } from './raw-syn';

/** packet(7), whose protocols are in the order of the network. */
const AF_PACKET = 17;
const ETH_P_IP = os.endianness() === 'LE' ? 0x0008 : 0x0800;
const SYN_ACK = 0x12;
const RST = 0x04;

/** An answer to a SYN. */
export interface SynAck {
  to: Source;
  sequence: number;
}

/** What is sent from a port, from now on, to senders that are no sockets of anybody's. Needs CAP_NET_RAW. */
export class RawAnswers {
  readonly synAcks: SynAck[] = [];
  resets = 0;
  readonly #scope: Scope;
  readonly #fd: number;
  readonly #port: number;
  readonly #packet = Buffer.alloc(128);

  constructor(s: Scope, port: number) {
    this.#scope = s;
    this.#port = port;
    this.#fd = s.socket(AF_PACKET, sys.SOCK_DGRAM | sys.SOCK_NONBLOCK, ETH_P_IP);
  }

  /** Takes in what has come. */
  read(): this {
    while (sys.poll([{ fd: this.#fd, events: sys.POLLIN }], 0).length > 0) {
      sys.recv(this.#fd, this.#packet);
      this.#take(this.#packet);
    }
    return this;
  }

  close(): void {
    this.#scope.close(this.#fd);
  }

  #take(ip: Buffer): void {
    const tcp = ip.subarray(((ip[0] ?? 0) & 0x0f) * 4);
    if (ip[9] !== sys.IPPROTO_TCP || tcp.readUInt16BE(0) !== this.#port) return;
    const flags = tcp[13] ?? 0;
    if ((flags & RST) !== 0) this.resets += 1;
    if (flags !== SYN_ACK) return;
    const to = { address: ip.readUInt32BE(16), port: tcp.readUInt16BE(2) };
    this.synAcks.push({ to, sequence: tcp.readUInt32BE(4) });
  }
}
