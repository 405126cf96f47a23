// Runs rows: every peer in each round, one after the other, so that what changes on the machine meanwhile meets them all.

const rotate = (list, by) => list.map((_, i) => list[(i + by) % list.length]);

/**
 * Measures one row. A peer that fails once is left out from then on, with the reason.
 *
 * @returns { samples: { peer: [one a round] }, failures: { peer: why } }
 */
export async function measureRow(row, settings, say) {
  const failures = {};
  const samples = {};
  const rounds = row.rounds ?? settings.rounds;
  for (let round = 0; round < rounds; round++) {
    // Another one begins each time: nobody always runs on a machine that the same one has warmed.
    for (const peer of rotate(row.peers, round)) {
      if (failures[peer.key] !== undefined) continue;
      say(`${row.name}, round ${round + 1} of ${rounds}: ${peer.name}`);
      try {
        (samples[peer.key] ??= []).push(await row.measure(peer, settings));
      } catch (error) {
        failures[peer.key] = error.message;
        delete samples[peer.key];
        say(`  not measured: ${error.message}`);
      }
    }
  }
  return { rounds, samples, failures };
}
