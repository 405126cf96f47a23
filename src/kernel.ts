/** What the kernel says of its limits, counters, queues and sockets. */
export { limits, SYSCTLS, type Limits } from './kernel/limits';
export { counters, counterDifferences, type Counters } from './kernel/counters';
export {
  listeners,
  type ListenersOptions,
  type ListeningSocket,
  type SocketMemory,
} from './kernel/listeners';
export type { SocketProcess } from './kernel/processes';
export { destroySocket, type SocketToDestroy } from './kernel/destroy';
export { queueOf, type QueueReading } from './socket/queue-of';
export { watchQueue, QueueWatch, type QueueWatchEvents, type WatchReading } from './socket/watch-queue';
export type { PressureOptions, PressureReading } from './socket/pressure';
export type { Queue } from './kernel/queue';
export {
  explainBacklog,
  type BacklogExplanation,
  type NextClient,
  type TcpExplanation,
  type UnixExplanation,
} from './kernel/model';
export type { CounterGrowth, HalfOpenExplanation } from './kernel/model/half-open';
export type { ModelLimits, ModelValues } from './kernel/model/known-limits';
export {
  recommendBacklog,
  type BacklogRecommendation,
  type Load,
  type Obstacle,
} from './kernel/model/recommend';
export { portAdvice, type PortAdvice } from './kernel/ports';
