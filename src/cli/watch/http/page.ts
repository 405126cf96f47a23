/** The page without what it shows: its script fills that in. No script or style is inside, so that none is allowed to be. */
export const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>listenq watch</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/watch.css">
<script src="/watch.js" defer></script>
</head>
<body>
<a class="skip" href="#listeners">Skip to the listeners</a>
<header class="top">
  <h1><img src="/icon.svg" alt="" width="24" height="24"> Accept queues <span id="place"></span></h1>
  <p id="status" role="status" data-state="connecting">connecting …</p>
  <label class="window">Show
    <select id="window">
      <option value="60">1 minute</option>
      <option value="300" selected>5 minutes</option>
      <option value="600">10 minutes</option>
    </select>
  </label>
  <button id="pause" type="button">Pause</button>
</header>
<main>
  <noscript><p class="note">This page is drawn by its script, which this browser does not run.</p></noscript>
  <ul id="problems" class="problems" aria-label="What could not be read" hidden></ul>
  <section aria-labelledby="namespace-title">
    <h2 id="namespace-title">Network namespace <small>per second</small></h2>
    <dl id="namespace" class="figures"></dl>
  </section>
  <section aria-labelledby="charts-title">
    <h2 id="charts-title">Chosen listeners</h2>
    <ul id="key" class="key" aria-label="Lines of the charts"></ul>
    <div id="charts" class="charts"></div>
    <p id="spoken" class="unseen" aria-live="polite"></p>
    <p class="note">In a chart, the arrow keys move the cursor, Home and End go to the oldest and the newest sample, Escape lets go.</p>
  </section>
  <section id="listeners" aria-labelledby="listeners-title" tabindex="-1">
    <div class="heading">
      <h2 id="listeners-title">Listeners <small id="ports"></small></h2>
      <button id="fullest" type="button" aria-pressed="true">Follow the fullest</button>
    </div>
    <p id="hint" class="hint" role="status"></p>
    <div id="table"></div>
    <p class="note">Queue: how many connections wait to be accepted, of how many listen(2) allows; one more than that can wait,
    and then it is full. SYN queue: half-open connections. Drops: SYNs that this listener has dropped since it was made.
    Accepts: by how much the queue became shorter; the kernel counts no accepts for each listener.</p>
  </section>
</main>
</body>
</html>
`;
