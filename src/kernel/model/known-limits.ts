import * as os from 'node:os';
import * as check from '../../validate';
import { limits as readLimits, SYSCTLS, type Limits } from '../limits';
import { differencesOf, doubtsAbout, parseRelease, type Release } from './release';

/** The limits that the model goes by, each a number. */
export interface ModelValues {
  somaxconn: number;
  tcpMaxSynBacklog: number;
  tcpAbortOnOverflow: number;
  tcpSyncookies: number;
  tcpSynackRetries: number;
  tcpSynRetries: number;
  tcpSynLinearTimeouts: number;
  tcpRtoMaxMs: number;
}

/**
 * What the model is told: any of `limits()`, and of which kernel. What is left out is read here, or, with a
 * `kernelRelease`, is the default of that kernel.
 */
export type ModelLimits = Partial<Limits> & {
  /** As uname(2) has it: '6.18.4', '5.10.0-28-amd64'. From 4.4 on. */
  kernelRelease?: string | undefined;
};

/** What the model goes by. */
export interface Known {
  release: Release;
  values: ModelValues;
  assumed: string[];
}

const INT32_MIN = -(2 ** 31);
const INT32_MAX = 2 ** 31 - 1;

/** What the kernel takes for each, and its default. */
const RANGES: Readonly<
  Record<keyof ModelValues, { min: number; max: number; normally: number; note?: string }>
> = {
  somaxconn: { min: 0, max: INT32_MAX, normally: 4096 },
  // The default follows the memory of the machine, and is never below this.
  tcpMaxSynBacklog: { min: INT32_MIN, max: INT32_MAX, normally: 128, note: 'the least default' },
  tcpAbortOnOverflow: { min: 0, max: 255, normally: 0 },
  tcpSyncookies: { min: 0, max: 255, normally: 1 },
  tcpSynackRetries: { min: 0, max: 255, normally: 5 },
  tcpSynRetries: { min: 1, max: 127, normally: 6 },
  tcpSynLinearTimeouts: { min: 0, max: 127, normally: 4 },
  tcpRtoMaxMs: { min: 1000, max: 120_000, normally: 120_000 },
};
const KEYS = Object.keys(RANGES) as (keyof ModelValues)[];
/** Of `limits()` too, and without a part in the model. */
const OTHERS = ['SOMAXCONN', 'tcpFastopen', 'tcpMigrateReq'];

/** Checks what the caller says, fills in the rest, and notes what had to be assumed. */
export function knownLimits(given: unknown, name: string): Known {
  const told = given === undefined ? {} : check.object(given, name);
  check.noOthers(told, [...KEYS, ...OTHERS, 'kernelRelease'], name);
  for (const key of OTHERS) if (told[key] !== undefined) check.int32(told[key], `${name}.${key}`);
  const asked = told['kernelRelease'];
  const release = parseRelease(
    asked === undefined ? os.release() : check.string(asked, `${name}.kernelRelease`),
    `${name}.kernelRelease`,
  );
  const here: Partial<Limits> = asked === undefined ? readLimits() : {};
  const assumed = doubtsAbout(release);
  const values = {} as ModelValues;
  for (const key of KEYS) values[key] = valueOf(key, told[key] ?? here[key], release, assumed, name);
  return { release, values, assumed };
}

function valueOf(
  key: keyof ModelValues,
  said: unknown,
  release: Release,
  assumed: string[],
  name: string,
): number {
  const { min, max, normally, note } = RANGES[key];
  const value = said === undefined ? undefined : check.integer(said, `${name}.${key}`, min, max);
  const differences = differencesOf(release);
  // A kernel without the sysctl behaves as one does with a certain value of it.
  if (key === 'tcpSynLinearTimeouts' && !differences.linearTimeouts) return 0;
  if (key === 'tcpRtoMaxMs' && !differences.rtoMaxSysctl) return normally;
  if (value !== undefined) return value;
  const taken = key === 'somaxconn' ? differences.defaultSomaxconn : normally;
  assumed.push(
    `${SYSCTLS[key]}: ${taken}, ${note ?? 'the default'} of Linux ${release.major}.${release.minor}`,
  );
  return taken;
}
