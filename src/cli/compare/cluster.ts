import cluster, { type Worker } from 'node:cluster';
import * as path from 'node:path';
import type { Effort, Filling } from './cell';
import type { WayId } from './ways';

/** What the worker says: that it listens, why not, or what came of filling. */
export type WorkerReply = { listening: true } | { failed: string; code?: string } | { filling: Filling };
/** What it is asked after it has said that it listens. */
export interface FillRequest {
  fd: number;
  effort: Effort;
}

export interface ClusterServer {
  /** Has the worker fill the queue, if it is the worker's. */
  fill(fd: number, effort: Effort): Promise<Filling>;
}

/**
 * Makes this process a cluster primary, and has one worker listen with a net.Server. The worker is killed when this
 * process exits.
 *
 * @throws what the worker's server emitted, by its code
 */
export async function openInCluster(way: WayId & `cluster-${string}`, asked: string): Promise<ClusterServer> {
  cluster.schedulingPolicy = way === 'cluster-rr' ? cluster.SCHED_RR : cluster.SCHED_NONE;
  cluster.setupPrimary({ exec: path.join(__dirname, 'cluster-worker.js'), args: [asked], silent: true });
  const worker = cluster.fork();
  process.on('exit', () => {
    worker.process.kill('SIGKILL');
  });
  await nextReply(worker);
  return {
    async fill(fd, effort) {
      const reply = nextReply(worker);
      worker.send({ fd, effort } satisfies FillRequest);
      return ((await reply) as { filling: Filling }).filling;
    },
  };
}

function nextReply(worker: Worker): Promise<WorkerReply> {
  return new Promise((resolve, reject) => {
    worker.once('exit', (status: number | null, signal: string | null) => {
      reject(new Error(`the cluster worker ended by itself (${signal ?? status})`));
    });
    worker.once('error', reject);
    worker.once('message', (reply: WorkerReply) => {
      if (!('failed' in reply)) resolve(reply);
      else
        reject(Object.assign(new Error(reply.failed), reply.code === undefined ? {} : { code: reply.code }));
    });
  });
}
