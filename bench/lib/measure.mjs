// Runs rows: every peer in each round, one after the other, so that what changes on the machine meanwhile meets them all.

const rotate = (list, by) => list.map((_, i) => list[(i + by) % list.length]);

/** One sample of each of the peers. */
const measure = async (row, peers, settings) =>
  row.measureTogether === undefined
    ? [await row.measure(peers[0], settings)]
    : row.measureTogether(peers, settings);

/**
 * Measures one row, by its `measure(peer)`, or by `measureTogether(peers)` where the peers run side by side. A peer that
 * fails once is left out from then on, with the reason.
 *
 * @returns { samples: { peer: [one a round] }, failures: { peer: why } }
 */
export async function measureRow(row, settings, say) {
  const failures = {};
  const samples = {};
  const rounds = row.rounds ?? settings.rounds;
  for (let round = 0; round < rounds; round++) {
    // Another one begins each time: nobody always runs on a machine that the same one has warmed.
    const peers = rotate(row.peers, round).filter(({ key }) => failures[key] === undefined);
    const groups = row.measureTogether === undefined ? peers.map((peer) => [peer]) : [peers];
    for (const group of groups) {
      say(`${row.name}, round ${round + 1} of ${rounds}: ${group.map(({ name }) => name).join(', ')}`);
      try {
        const found = await measure(row, group, settings);
        group.forEach(({ key }, i) => (samples[key] ??= []).push(found[i]));
      } catch (error) {
        for (const { key } of group) {
          failures[key] = error.message;
          delete samples[key];
        }
        say(`  not measured: ${error.message}`);
      }
    }
  }
  return { rounds, samples, failures };
}
