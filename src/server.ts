/** `listenq/server`: net.Server's place taken, or its listening side alone. */
export { acceptLoopOf, attach, type AttachOptions } from './server/attach';
export { createServer, Server, type ServerConstructor, type ServerOptions } from './server/server';
