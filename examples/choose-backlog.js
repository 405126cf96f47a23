'use strict';
// How long must the queue be, for so many clients a second and a server that pauses for so long? And what will this
// kernel make of that number?
//
//   node examples/choose-backlog.js [clients per second] [longest pause in milliseconds]

const { explainBacklog, recommendBacklog } = require('listenq/kernel');

const [arrivalsPerSecond = 2000, longestPauseMs = 500] = process.argv.slice(2).map(Number);

function main() {
  const { backlog, why, obstacles, nodeDefault } = recommendBacklog({
    arrivalsPerSecond,
    longestPauseMs,
  });
  console.log(`listen(fd, ${backlog})`);
  for (const reason of why) console.log(`- ${reason}`);
  for (const { sysctl, value, set } of obstacles) console.log(`${sysctl} is ${value}: ${set}`);

  const { tcp } = explainBacklog(backlog);
  console.log(`here it holds ${tcp.backlog}, and ${tcp.waiting} can wait`);
  console.log(
    `the next one meets ${tcp.next.sees}, and tries again after ${tcp.next.retriesMs.join(', ')} ms`,
  );
  const refused = Math.round(nodeDefault.refused);
  console.log(`Node's ${nodeDefault.backlog} would turn ${refused} of them away in each such pause`);
}

try {
  main();
} catch (error) {
  console.error(`choose-backlog: ${error.message}`);
  process.exitCode = error instanceof RangeError || error instanceof TypeError ? 2 : 1;
}
