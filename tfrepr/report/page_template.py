"""The page's frame: one HTML file without scripts, whose pictures and sounds lie in a folder beside it."""

from __future__ import annotations

from string import Template

STYLE = """
:root { color-scheme: light dark; --back: #ffffff; --text: #1c1e21; --soft: #5b6168; --line: #d9dde1; --card: #f6f7f9;
  --right: #00704f; --wrong: #b34700; --link: #0b5cad; }
@media (prefers-color-scheme: dark) { :root { --back: #16181b; --text: #e8eaec; --soft: #a3aab2; --line: #363b41;
  --card: #1f2226; --right: #4fd1a5; --wrong: #ffa35c; --link: #7db8ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 1rem 0 0.5rem; }
h2 { margin: 2.5rem 0 0.5rem; font-size: 1.3rem; }
h3 { margin: 0; font-size: 1.1rem; overflow-wrap: anywhere; }
a { color: var(--link); }
p { margin: 0.5rem 0; max-width: 44rem; }
code { overflow-wrap: anywhere; }
.soft { color: var(--soft); font-size: 0.9rem; }
.word { display: grid; gap: 0.25rem 1rem; padding: 0.75rem; margin: 0.75rem 0; background: var(--card);
  border: 1px solid var(--line); border-radius: 0.5rem; }
.say { min-width: 0; }
.say p { margin: 0.25rem 0; }
.pair { display: flex; gap: 0.5rem; }
.pair img { width: 6rem; height: 6rem; image-rendering: pixelated; border-radius: 0.25rem; }
audio { display: block; width: 100%; max-width: 20rem; height: 2.5rem; margin: 0.5rem 0; }
.right { color: var(--right); font-weight: 600; } .wrong { color: var(--wrong); font-weight: 600; }
@media (min-width: 45rem) { .word { grid-template-columns: repeat(3, 1fr); } .word h3 { grid-column: 1 / -1; } }
.labels { display: grid; gap: 1.25rem; grid-template-columns: repeat(auto-fill, minmax(min(19rem, 100%), 1fr)); }
figure { margin: 1rem 0 0; } .labels figure { margin: 0; } figcaption { margin-top: 0.25rem; }
.labels img { width: 100%; image-rendering: pixelated; display: block; }
.answers > div { border-top: 1px solid var(--line); padding: 0.75rem 0; }
.wide { overflow-x: auto; background: #ffffff; border-radius: 0.5rem; padding: 0.5rem; }
.wide img { display: block; width: 100%; min-width: 34rem; }
"""

PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>tfrepr: what a network says</title>
<style>$style</style>
</head>
<body>
<main>
<h1>What a network says</h1>
<p class="soft"><a href="#asked">Hear a network</a> &middot; <a href="#found">What we found</a> &middot;
<a href="#labels">All labels</a></p>
<p>An image classifier was trained to <em>speak the class name</em>. It looks at a picture and draws the spectrogram of a word.
The nearest of the class names' spectrograms is its answer.</p>

<h2 id="asked">Asked and answered</h2>
<p>$network</p>
<p class="soft">Shown are the first test images of every class that the network answers rightly and wrongly, nothing chosen.
Spectrograms show time from left to right, low tones at the bottom, 80 decibels from dark to bright. All sounds, the words that
were asked for too, are made from a spectrogram in the same way (Griffin and Lim): what differs is the network's doing.</p>
$words

<h2 id="found">What we found</h2>
<p class="soft">The numbers are differences in percentage points, with 95% intervals where there are intervals.
<a href="../RESULTS.md">RESULTS.md</a> has every number, and <a href="results.md">results.md</a> says what the numbers mean.</p>
<!-- answers:begin -->
$answers
<!-- answers:end -->
$figures

<h2 id="labels">All labels</h2>
<p>What a network can be asked to draw. The classes are, row by row: $classes. Each label has its own colours,
from its lowest value (dark) to its highest (bright).</p>
<div class="labels">
$labels
</div>
<p class="soft">Written by <code>tfrepr report --page</code>; do not edit.</p>
</main>
</body>
</html>
""")
