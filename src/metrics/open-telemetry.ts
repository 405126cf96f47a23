import * as fs from 'node:fs';
import * as path from 'node:path';
import { platformUnsupported, SUPPORTED } from '../errors';
import * as check from '../validate';
import { INSTRUMENTS, WAIT, type Labels, type Reading } from './instruments';
import { checkMembers, loadLibrary } from './library';
import { Metrics, type Instruments } from './metrics';

/** A Meter of @opentelemetry/api, as far as it is used here. */
export interface OpenTelemetryMeter {
  createHistogram(name: string, options: OpenTelemetryInstrumentOptions): OpenTelemetryHistogram;
  createObservableCounter(name: string, options: OpenTelemetryInstrumentOptions): object;
  createObservableUpDownCounter(name: string, options: OpenTelemetryInstrumentOptions): object;
  createObservableGauge(name: string, options: OpenTelemetryInstrumentOptions): object;
  addBatchObservableCallback(callback: OpenTelemetryCallback, observables: never[]): void;
  removeBatchObservableCallback(callback: OpenTelemetryCallback, observables: never[]): void;
}

export interface OpenTelemetryInstrumentOptions {
  description: string;
  unit: string;
  advice?: { explicitBucketBoundaries: number[] };
}

export interface OpenTelemetryHistogram {
  record(value: number, attributes: Record<string, string>): void;
}

export type OpenTelemetryCallback = (result: {
  observe(instrument: never, value: number, attributes: Record<string, string>): void;
}) => void;

/** The module @opentelemetry/api, as far as it is used here. */
export interface OpenTelemetryApi {
  readonly metrics: { getMeter(name: string, version?: string): OpenTelemetryMeter };
}

export interface OpenTelemetryOptions {
  /** What the instruments are made with. Default: `api.metrics.getMeter('listenq', version)`, of the MeterProvider that is
   * registered by then. */
  meter?: OpenTelemetryMeter | undefined;
  /** The program's @opentelemetry/api, where it would not be found, as in a bundle. */
  api?: OpenTelemetryApi | undefined;
  /** Whether to count half-open connections, for which the kernel walks all its connections at each export. Default:
   * true. */
  synQueue?: boolean | undefined;
}

const API = {
  name: '@opentelemetry/api',
  oldest: [1, 3],
  install: '@opentelemetry/api@1',
  option: 'api',
} as const;

/** OpenTelemetry wants names of one's own before them. */
const ATTRIBUTES = { listener: 'listenq.listener', cause: 'listenq.refusal.cause' } as const;

/**
 * Makes the instruments of this package with @opentelemetry/api, 1.3 or later. They are read at each export. Without a
 * registered MeterProvider the API takes no notice of them, also of one that is registered later.
 *
 * @throws ERR_METRICS_LIBRARY_MISSING, ERR_METRICS_LIBRARY_TOO_OLD; TypeError. Then nothing was made
 */
export function openTelemetryMetrics(options: OpenTelemetryOptions = {}): Metrics {
  if (!SUPPORTED) throw platformUnsupported();
  const given = check.object(options, 'options');
  check.noOthers(given, ['meter', 'api', 'synQueue'], 'options');
  const { synQueue = true } = given;
  const halfOpen = check.boolean(synQueue, 'options.synQueue');
  const api = given['api'] === undefined ? undefined : checkApi(given['api']);
  const meter = given['meter'] === undefined ? meterOf(api) : checkMeter(given['meter']);
  return new Metrics(halfOpen, (read) => instrument(meter, read));
}

function checkApi(value: unknown): OpenTelemetryApi {
  const api = check.object(value, 'options.api', 'the module @opentelemetry/api');
  checkMembers(api['metrics'], 'options.api.metrics', 'the metrics of @opentelemetry/api, 1.3 or later', [
    'getMeter',
  ]);
  return api as unknown as OpenTelemetryApi;
}

function meterOf(api: OpenTelemetryApi | undefined): OpenTelemetryMeter {
  const { metrics } = api ?? (loadLibrary(API) as OpenTelemetryApi);
  return metrics.getMeter('listenq', version());
}

function checkMeter(value: unknown): OpenTelemetryMeter {
  const methods = [
    ...[
      'createHistogram',
      'createObservableCounter',
      'createObservableUpDownCounter',
      'createObservableGauge',
    ],
    ...['addBatchObservableCallback', 'removeBatchObservableCallback'],
  ];
  return checkMembers(value, 'options.meter', 'a Meter of @opentelemetry/api', methods) as OpenTelemetryMeter;
}

/** The version of this package, whose root is above `dist/metrics/`. */
function version(): string {
  const manifest = fs.readFileSync(path.join(__dirname, '..', '..', 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

function instrument(meter: OpenTelemetryMeter, read: () => Reading): Instruments {
  const made = INSTRUMENTS.map(({ name, kind, unit, description }) =>
    meter[`createObservable${kind}`](`listenq.${name}`, { unit, description }),
  ) as never[];
  const waits = meter.createHistogram(`listenq.${WAIT.name}`, {
    ...{ unit: WAIT.unit, description: WAIT.description },
    advice: { explicitBucketBoundaries: [...WAIT.boundaries] },
  });
  const observe: OpenTelemetryCallback = (result) => {
    const reading = read();
    INSTRUMENTS.forEach(({ samples }, i) => {
      for (const { value, labels } of samples(reading))
        result.observe(made[i] as never, value, attributesOf(labels));
    });
  };
  meter.addBatchObservableCallback(observe, made);
  return {
    waitsOf: (listener) => {
      const attributes = attributesOf({ listener });
      return (seconds) => waits.record(seconds, attributes);
    },
    // The API keeps what a histogram was told.
    forget: () => undefined,
    close: () => meter.removeBatchObservableCallback(observe, made),
  };
}

function attributesOf({ listener, cause }: Labels): Record<string, string> {
  return {
    ...(listener !== undefined && { [ATTRIBUTES.listener]: listener }),
    ...(cause !== undefined && { [ATTRIBUTES.cause]: cause }),
  };
}
