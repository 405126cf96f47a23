/** For a worker of node:cluster whose server the primary process accepts for. */
export function warnOfPrimary(): void {
  process.emitWarning(
    'listen: the primary process of the cluster holds this socket and accepts (SCHED_RR), so that this worker has no ' +
      'accept loop: what was asked of it has no effect',
    {
      type: 'ListenqClusterWarning',
      code: 'LISTENQ_CLUSTER_PRIMARY',
      detail:
        'Set cluster.schedulingPolicy = cluster.SCHED_NONE in the primary, or listen with reusePort or exclusive.',
    },
  );
}
