/** What the kernel says of its limits, queues and sockets. */
export { limits, type Limits } from './kernel/limits';
export { listeners, type ListenersOptions, type ListeningSocket, type SocketMemory } from './kernel/listeners';
export type { SocketProcess } from './kernel/processes';
export { destroySocket, type SocketToDestroy } from './kernel/destroy';
export { queueOf, type QueueReading } from './socket/queue-of';
export type { Queue } from './kernel/queue';
