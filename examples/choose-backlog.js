'use strict';
// How long must the queue be, for so many clients a second and a server that pauses for so long? And what will this
// kernel make of that number?
//
//   node examples/choose-backlog.js [clients per second] [longest pause in milliseconds]

const { explainBacklog, recommendBacklog } = require('listenq/kernel');

const [arrivalsPerSecond = 2000, longestPauseMs = 500] = process.argv.slice(2).map(Number);

const { backlog, expected, why, obstacles, nodeDefault } = recommendBacklog({
  arrivalsPerSecond,
  longestPauseMs,
});
console.log(`listen(fd, ${backlog}): ${expected} clients come in such a pause, on average`);
for (const reason of why) console.log(`- ${reason}`);
for (const { sysctl, value, set } of obstacles) console.log(`${sysctl} is ${value}: ${set}`);

const { tcp } = explainBacklog(backlog);
console.log(`here it holds ${tcp.backlog}, and ${tcp.waiting} can wait`);
console.log(`the next one meets ${tcp.next.sees}, and tries again after ${tcp.next.retriesMs.join(', ')} ms`);
console.log(
  `Node's ${nodeDefault.backlog} would turn ${Math.round(nodeDefault.refused)} of them away in each such pause`,
);
