/** `listenq/metrics`: what monitoring systems take in, by prom-client or by OpenTelemetry. */
export {
  prometheusMetrics,
  type PrometheusClient,
  type PrometheusConfiguration,
  type PrometheusHistogram,
  type PrometheusMetric,
  type PrometheusOptions,
  type PrometheusRegistry,
} from './metrics/prometheus';
export {
  openTelemetryMetrics,
  type OpenTelemetryApi,
  type OpenTelemetryCallback,
  type OpenTelemetryHistogram,
  type OpenTelemetryInstrumentOptions,
  type OpenTelemetryMeter,
  type OpenTelemetryOptions,
} from './metrics/open-telemetry';
export type { AddOptions, Metrics } from './metrics/metrics';
export type { MetricsSource } from './metrics/sources';
