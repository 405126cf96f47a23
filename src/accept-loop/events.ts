import type { SystemCallError } from '../errors';
import type { Connection } from '../socket/connection';
import type { PressureReading } from '../socket/pressure';

export interface CloseReport {
  /** Connections that were accepted and that nobody took: closed. */
  untaken: number;
}

export interface AcceptLoopEvents {
  /** A connection, which the listener owns. Emitted only while there is one. */
  connection: [connection: Connection];
  /** Descriptors or memory have run out (EMFILE, ENFILE, ENOBUFS, ENOMEM). Once for a shortage; the kernel keeps what is
   * queued, and accepting goes on by itself. Without a listener the process is warned. */
  shortage: [error: SystemCallError];
  /** Much waits, and the next client may be dropped or refused soon; it is over. Only with the option `pressure`. */
  pressure: [reading: PressureReading];
  relief: [reading: PressureReading];
  /** The loop has ended because of it. */
  error: [error: Error];
  /** The thread has ended, the listeners and all that waited are closed. */
  close: [report: CloseReport];
}
