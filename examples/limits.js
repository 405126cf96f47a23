'use strict';
// On which system is this, what does it allow, and what becomes of a wanted backlog?
//
//   node examples/limits.js [backlog ...]

const os = require('node:os');
const { limits, listen } = require('listenq');

const wanted = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1024, 0, -1, 100_000];

console.log(`${os.type()} ${os.release()} on ${os.hostname()}`);

const { SOMAXCONN, somaxconn, tcpMaxSynBacklog } = limits();
console.log(`net.core.somaxconn is ${somaxconn}`);
console.log(`net.ipv4.tcp_max_syn_backlog is ${tcpMaxSynBacklog}`);
// The one was compiled in, the other is in force. That they are alike here is an accident.
console.log(
  `SOMAXCONN of the C headers is ${SOMAXCONN}${SOMAXCONN === somaxconn ? '' : ', which is something else'}`,
);

/** A wanted size, brought between 0 and what the kernel allows. */
const clamp = (backlog) => Math.min(Math.max(backlog, 0), somaxconn);

/** The limit that the kernel holds for a listener with this backlog. */
function held(backlog) {
  // No warning of a backlog that is capped: that is what is shown here.
  const listener = listen({ host: '127.0.0.1', backlog, warnIfCapped: false });
  try {
    return listener.queue().limit;
  } finally {
    listener.close();
  }
}

// Nobody has to clamp: the kernel caps by itself. It takes a negative number for a huge one, where clamping gives 0.
for (const backlog of wanted) {
  console.log(
    `listen(${backlog}) holds ${held(backlog)}; clamped, listen(${clamp(backlog)}) holds ${held(clamp(backlog))}`,
  );
}

// As deep as is allowed, in three ways. The last is what listen() does without a backlog.
console.log(
  `as deep as allowed: ${held(SOMAXCONN)} by SOMAXCONN, ${held(-1)} by -1, ${held(somaxconn)} by the sysctl`,
);
