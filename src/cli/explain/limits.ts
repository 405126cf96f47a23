import { explainBacklog, type ModelLimits } from 'listenq/kernel';

/** Adds `name=value` to those that were given before; the name is the sysctl's, in full or its last part. @throws Error */
export function addLimit(text: string, before: ModelLimits = {}): ModelLimits {
  const [, sysctl, value] = /^([\w.]+)=([+-]?\d+)$/.exec(text) ?? [];
  if (sysctl === undefined) throw new Error('It must be name=number, such as somaxconn=128');
  const names = Object.keys(explainBacklog(0).limits);
  const name = nameOf(sysctl);
  if (!names.includes(name)) throw new Error(`What counts is ${names.map(sysctlOf).join(', ')}`);
  return { ...before, [name]: Number(value) };
}

/** net.ipv4.tcp_syncookies, tcp_syncookies and tcpSyncookies are one. */
function nameOf(sysctl: string): string {
  return sysctl
    .replace(/^net\.(core|ipv4)\./, '')
    .replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function sysctlOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A release as it is, if the model knows it. @throws Error */
export function kernelRelease(text: string): string {
  try {
    explainBacklog(0, { kernelRelease: text });
    return text;
  } catch (error) {
    const [sentence = ''] = (error as Error).message
      .replace('limits.kernelRelease', 'It')
      .split(/\.? Received/);
    throw new Error(sentence, { cause: error });
  }
}
