// Preloaded: somebody subscribes to what the listeners of this process publish.
import { subscribe } from 'node:diagnostics_channel';

let heard = 0;
for (const name of ['listen', 'accept', 'refuse', 'shortage', 'overflow', 'close'])
  subscribe(`listenq.${name}`, () => heard++);
