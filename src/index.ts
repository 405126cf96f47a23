/** Listening sockets whose backlog is the one that was asked for, and blocking-style connections. */
export { listen, type ListenOptions } from './socket/listen';
export type {
  AcceptMessage,
  CloseMessage,
  ListenMessage,
  OverflowMessage,
  RefuseMessage,
  ShortageMessage,
} from './channels';
export { listenDualStack, type DualStackOptions } from './socket/listen-dual-stack';
export { Listener, type WaitOptions } from './socket/listener';
export type { ListenerHandle } from './socket/listener-handle';
export { connect, type ConnectOptions } from './socket/connect';
export { Connection } from './socket/connection';
export type { KeepAliveOptions } from './socket/keep-alive';
export type { InheritedOption } from './socket/inherited';
export { acceptLoop, AcceptLoop } from './accept-loop/accept-loop';
export type { AcceptLoopEvents, CloseReport } from './accept-loop/events';
export type { AcceptLoopOptions, AcceptOptions, CloseOptions } from './accept-loop/options';
export type { PressureOptions, PressureReading } from './socket/pressure';
export type { AcceptLoopStats } from './accept-loop/stats';
export {
  serveBlocking,
  BlockingServer,
  type BlockingServerEvents,
  type BlockingServerStats,
  type HandlerFailure,
  type HandlerRestart,
  type ServeBlockingOptions,
} from './accept-loop/serve-blocking';
export { sendDescriptor, receiveDescriptor } from './handover/descriptors';
export { listenFds, type ActivationDescriptor } from './handover/activation';
export { interrupt } from './socket/interrupt';
export { limits, type Limits } from './kernel/limits';
export { SystemCallError } from './errors';
export type { ListenerSocketOptions } from './socket/options';
export type { Queue } from './kernel/queue';
export type { TcpInfo } from './socket/tcp-info';
export type { Address, InternetAddress, IPv4Address, IPv6Address, UnixAddress } from './address';
