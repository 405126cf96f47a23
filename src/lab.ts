/** Instruments for tests and lessons: a private network namespace, and listen(2) seen at the system call. */
export { enterPrivateNetwork, bringUpLoopback } from './lab/private-network';
export { observeListen, type ListenCall, type ListenObserver } from './lab/observe-listen';
