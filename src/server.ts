/** `listenq/server`: net.Server's place taken, or its listening side alone. */
export { acceptLoopOf, attach } from './server/attach';
export type { AttachOptions } from './server/where';
export {
  createServer,
  Server,
  type ServerConstructor,
  type ServerEvents,
  type ServerOptions,
} from './server/server';
