import type * as net from 'node:net';
import { LOOP_OPTION_NAMES } from '../accept-loop/options';
import { invalidArgValue } from '../errors';
import { OPTION_NAMES, type ListenOptions } from '../socket/listen';
import * as check from '../validate';
import { asNumber, askedBacklog, DEFAULT_BACKLOG } from './backlog';

/** Where to listen: as for net.Server's `listen()`, or as for the `listen()` of this package. */
export type AttachOptions = net.ListenOptions | ListenOptions;

/** Of `server.listen()`. */
const NODE_NAMES = [
  ...['port', 'host', 'path', 'fd', 'backlog', 'reusePort', 'ipv6Only'],
  ...['exclusive', 'readableAll', 'writableAll', 'signal', 'handle'],
];
/** The first Node whose net.Server knows reusePort: elsewhere it would be passed over in silence. */
const REUSE_PORT_SINCE = [22, 12] as const;

/** Where a server is to listen, checked. */
export interface Where {
  options: Record<string, unknown>;
  /** Whether the server's own `listen()` will do. */
  nodeKnows: boolean;
}

/** Checks the options, and refuses what no call knows, or none knows together. */
export function checkWhere(where: unknown): Where {
  const options = check.object(where, 'where', 'options of listen, such as { port: 8080 }, or a Listener');
  const ofLoop = LOOP_OPTION_NAMES.find((name) => name !== 'signal' && options[name] !== undefined);
  if (ofLoop !== undefined)
    throw invalidArgValue(`where.${ofLoop}`, 'belongs into the third argument', options[ofLoop]);
  check.noOthers(options, [...new Set([...NODE_NAMES, ...OPTION_NAMES])], 'where');
  if (options['reusePort'] !== undefined) check.boolean(options['reusePort'], 'where.reusePort');
  if (options['seqpacket'] === true) throw notOfStreams('where.seqpacket', true);
  const unknown = unknownToNode(options);
  const misfit = NODE_NAMES.find((name) => options[name] !== undefined && !OPTION_NAMES.includes(name));
  if (unknown !== undefined && misfit !== undefined) {
    const reason = `cannot go with where.${unknown}, which this Node's listen() does not know`;
    throw invalidArgValue(`where.${misfit}`, reason, options[misfit]);
  }
  return { options, nodeKnows: unknown === undefined };
}

export function notOfStreams(name: string, value: unknown): Error {
  return invalidArgValue(name, 'must be of streams: net.Server knows no SOCK_SEQPACKET', value);
}

/** An option for which Node's own `listen()` will not do, if there is one. */
function unknownToNode(given: Record<string, unknown>): string | undefined {
  if (given['reusePort'] === true && !knowsReusePort()) return 'reusePort';
  return Object.keys(given).find((name) => given[name] !== undefined && !NODE_NAMES.includes(name));
}

function knowsReusePort(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > REUSE_PORT_SINCE[0] || (major === REUSE_PORT_SINCE[0] && minor >= REUSE_PORT_SINCE[1]);
}

/** Port and backlog as net.Server's `listen()` understands them: null, and numbers as text. */
export function asNodeReads(given: Record<string, unknown>): ListenOptions {
  const { port, ...rest } = given;
  if (!('port' in given) && given['path'] === undefined && given['fd'] === undefined)
    throw invalidArgValue('where', 'must have a port, a path or an fd', given);
  const backlog = askedBacklog([given]);
  const asked = backlog === undefined ? { backlog: DEFAULT_BACKLOG, warnIfCapped: false } : { backlog };
  return {
    ...rest,
    ...(port === undefined || port === null ? {} : { port: asNumber(port) as number }),
    ...asked,
  };
}
