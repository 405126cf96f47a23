// How much of everything: of a run whose figures are meant to be read, and of one that only shows that all works.
export const FULL = {
  cpu: { warmUpSeconds: 1, seconds: 2 },
  drain: { clients: 4000 },
  stall: { rate: 4000, seconds: 5, grace: 15 },
  idle: { clients: 400, pauseMs: 5, seconds: 3 },
  memory: { clients: 4000, blockMs: 1500 },
  throughput: { warmUpSeconds: 1.5, turns: 8, seconds: 0.5 },
  httpBlocked: { seconds: 5, patience: 3 },
  sampled: { seconds: 15 },
  scrape: { scrapes: 1000 },
};

export const QUICK = {
  rounds: 2,
  cpu: { warmUpSeconds: 0.1, seconds: 0.2 },
  drain: { clients: 500 },
  stall: { rate: 1000, seconds: 0.5, grace: 0.5 },
  idle: { clients: 20, pauseMs: 2, seconds: 0.3 },
  memory: { clients: 500, blockMs: 600 },
  throughput: { warmUpSeconds: 0.2, turns: 2, seconds: 0.1 },
  httpBlocked: { seconds: 1, patience: 1 },
  sampled: { seconds: 1 },
  scrape: { scrapes: 20 },
};
