/** What the kernel says of its limits and queues. */
export { limits, type Limits } from './kernel/limits';
export type { Queue } from './kernel/queue';
