import { invalidArgValue, metricsNamesTaken, platformUnsupported, SUPPORTED } from '../errors';
import * as check from '../validate';
import { INSTRUMENTS, WAIT, type Instrument, type Reading } from './instruments';
import { checkMembers, loadLibrary } from './library';
import { Metrics, type Instruments } from './metrics';

/** A Registry of prom-client, as far as it is used here. */
export interface PrometheusRegistry {
  getSingleMetric(name: string): unknown;
  removeSingleMetric(name: string): void;
}

/** The module prom-client, as far as it is used here. */
export interface PrometheusClient {
  readonly register: PrometheusRegistry;
  readonly Counter: new (configuration: PrometheusConfiguration) => PrometheusMetric;
  readonly Gauge: new (configuration: PrometheusConfiguration) => PrometheusMetric;
  readonly Histogram: new (configuration: PrometheusConfiguration) => PrometheusHistogram;
}

/** What prom-client makes a metric of. */
export interface PrometheusConfiguration {
  name: string;
  help: string;
  labelNames: string[];
  /** Of prom-client's own class, of which a program may have several copies. */
  registers: never[];
  aggregator: 'sum' | 'max';
  buckets?: number[];
}

/** A Counter, or a Gauge. */
export interface PrometheusMetric {
  /** What a registry asks for. */
  get: () => Promise<unknown>;
}

export interface PrometheusHistogram {
  labels(...labels: string[]): { observe(value: number): void };
  zero(labels: object): void;
  remove(...labels: string[]): void;
}

export interface PrometheusOptions {
  /** Where the metrics are registered. Default: `client.register`. */
  registry?: PrometheusRegistry | undefined;
  /** The program's prom-client, where it would not be found, as in a bundle, or another copy of it. */
  client?: PrometheusClient | undefined;
  /** What the names begin with. Default: 'listenq_'. */
  prefix?: string | undefined;
  /** Whether to count half-open connections, for which the kernel walks all its connections at each scrape. Default:
   * true. */
  synQueue?: boolean | undefined;
}

const PROM_CLIENT = {
  name: 'prom-client',
  oldest: [14, 0],
  install: 'prom-client@15',
  option: 'client',
} as const;
const PREFIX = /^([a-zA-Z_:][a-zA-Z0-9_:]*)?$/;

/**
 * Registers the metrics of this package with prom-client, 14 or later. They are read when the registry is, all of them at
 * one moment.
 *
 * @throws ERR_METRICS_LIBRARY_MISSING, ERR_METRICS_LIBRARY_TOO_OLD; ERR_METRICS_NAMES_TAKEN if the registry has metrics of
 *   these names; TypeError. Then nothing was registered
 */
export function prometheusMetrics(options: PrometheusOptions = {}): Metrics {
  if (!SUPPORTED) throw platformUnsupported();
  const given = check.object(options, 'options');
  if (typeof given['getSingleMetric'] === 'function')
    throw invalidArgValue('options', 'must be options: a registry stands in them, as in { registry }', given);
  check.noOthers(given, ['registry', 'client', 'prefix', 'synQueue'], 'options');
  const { prefix = 'listenq_', synQueue = true } = given;
  const namesBegin = checkPrefix(prefix);
  const halfOpen = check.boolean(synQueue, 'options.synQueue');
  const asked = given['registry'] === undefined ? undefined : checkRegistry(given['registry']);
  const client =
    given['client'] === undefined
      ? (loadLibrary(PROM_CLIENT) as PrometheusClient)
      : checkClient(given['client']);
  const registry = asked ?? client.register;
  return new Metrics(halfOpen, (read) => register(client, registry, namesBegin, atOneMoment(read)));
}

function checkPrefix(value: unknown): string {
  const prefix = check.string(value, 'options.prefix');
  if (PREFIX.test(prefix)) return prefix;
  throw invalidArgValue('options.prefix', 'must be of letters, digits, _ and :, no digit first', prefix);
}

function checkRegistry(value: unknown): PrometheusRegistry {
  const methods = ['registerMetric', 'getSingleMetric', 'removeSingleMetric'];
  return checkMembers(value, 'options.registry', 'a Registry of prom-client', methods) as PrometheusRegistry;
}

function checkClient(value: unknown): PrometheusClient {
  const classes = ['Counter', 'Gauge', 'Histogram', 'Registry'];
  return checkMembers(value, 'options.client', 'the module prom-client', classes) as PrometheusClient;
}

/** prom-client asks all metrics of a registry in one go: they share what was read for the first of them. */
function atOneMoment(read: () => Reading): () => Reading {
  let reading: Reading | undefined;
  return () => {
    if (reading === undefined) queueMicrotask(() => (reading = undefined));
    return (reading ??= read());
  };
}

/** Registers all of them, or throws. */
function register(
  client: PrometheusClient,
  registry: PrometheusRegistry,
  prefix: string,
  read: () => Reading,
): Instruments {
  const names = [...INSTRUMENTS, WAIT].map((instrument) => nameOf(instrument, prefix));
  const [taken, ...others] = names.filter((name) => registry.getSingleMetric(name) !== undefined);
  if (taken !== undefined) throw metricsNamesTaken(taken, 1 + others.length);
  const configure = (instrument: Instrument | typeof WAIT): PrometheusConfiguration => ({
    name: nameOf(instrument, prefix),
    help: instrument.description,
    labelNames: [...instrument.labels],
    registers: [registry as never],
    aggregator: instrument.ofWorkers,
  });
  for (const instrument of INSTRUMENTS) registerRead(client, configure(instrument), instrument, read);
  const waits = new client.Histogram({ ...configure(WAIT), buckets: [...WAIT.boundaries] });
  const ours = names.map((name) => registry.getSingleMetric(name));
  return {
    waitsOf: (listener) => {
      // A rate begins at 0, before the first connection.
      waits.zero({ listener });
      const wait = waits.labels(listener);
      return (seconds) => wait.observe(seconds);
    },
    forget: (listener) => waits.remove(listener),
    close: () => {
      names.forEach((name, i) => {
        if (registry.getSingleMetric(name) === ours[i]) registry.removeSingleMetric(name);
      });
    },
  };
}

/** What a metric says of itself besides its values. */
const KEPT = ['help', 'name', 'aggregator'] as const;

/** A metric whose values are made when it is asked for: that it would keep them itself costs a scrape of many listeners as
 * much as reading them. */
function registerRead(
  client: PrometheusClient,
  configuration: PrometheusConfiguration,
  instrument: Instrument,
  read: () => Reading,
): void {
  const kind = instrument.kind === 'Counter' ? client.Counter : client.Gauge;
  // A registry may change the name, which the types of prom-client do not mention.
  const metric = new kind(configuration) as PrometheusMetric & Record<(typeof KEPT)[number], unknown>;
  metric.get = () => {
    const kept = Object.fromEntries(KEPT.map((name) => [name, metric[name]]));
    const type = instrument.kind === 'Counter' ? 'counter' : 'gauge';
    return Promise.resolve({ ...kept, type, values: instrument.samples(read()) });
  };
}

/** listenq_queue_drops_total: the unit and _total at the end. https://prometheus.io/docs/practices/naming */
function nameOf(
  { name, kind, unit }: Pick<Instrument, 'name' | 'unit'> & { kind: string },
  prefix: string,
): string {
  const words = [name.replaceAll('.', '_')];
  if (unit === 's') words.push('seconds');
  if (kind === 'Counter') words.push('total');
  return prefix + words.join('_');
}
