import { invalidArgValue } from '../errors';
import * as check from '../validate';

/** Names a listener to another thread of this process. Plain data: post it, and call `Listener.from` there. */
export interface ListenerHandle {
  readonly type: 'listenq.Listener';
  readonly token: string;
  readonly backlog: number | undefined;
}

export function checkHandle(handle: unknown): { token: string; backlog: number | undefined } {
  const { type, token, backlog } = check.object(handle, 'handle');
  if (type !== 'listenq.Listener' || typeof token !== 'string' || !/^[0-9a-f]{16}$/.test(token)) {
    throw invalidArgValue('handle', 'must be what share() of a Listener returned, in this process', handle);
  }
  return { token, backlog: backlog === undefined ? undefined : check.int32(backlog, 'handle.backlog') };
}
