/** `listenq/metrics`: what monitoring systems take in, by prom-client or by OpenTelemetry. */
export {};
