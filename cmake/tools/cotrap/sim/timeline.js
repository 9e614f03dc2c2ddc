"use strict";
// {policy: {classes: [name…], slices: [[hart, begin, length, class, task]…]}}, times in nanoseconds.
const HART = 0, BEGIN = 1, LENGTH = 2, CLASS = 3, TASK = 4;  // of a slice
const ROW = 20, LEFT = 130, TOP = 22;
const $ = id => document.getElementById(id);
const time = ns => ns < 1e3 ? `${ns.toFixed(0)} ns` : ns < 1e6 ? `${(ns / 1e3).toFixed(2)} µs`
                 : ns < 1e9 ? `${(ns / 1e6).toFixed(3)} ms` : `${(ns / 1e9).toFixed(3)} s`;

// ── what there is: a row for each hart of each policy, and a colour for each class ─────────────────

const names = [...new Set(Object.values(timelines).flatMap(each => each.classes))].sort();
const tracks = [];
let last = 1, policyEnds = [];
for (const [policy, { classes, slices }] of Object.entries(timelines)) {
  const harts = 1 + Math.max(0, ...slices.map(s => s[HART]));
  for (let hart = 0; hart < harts; ++hart) {
    tracks.push({ policy, hart, slices: slices.filter(s => s[HART] === hart)
                  .map(s => ({ begin: s[BEGIN], end: s[BEGIN] + s[LENGTH], of: classes[s[CLASS]], task: s[TASK] })) });
  }
  const end = slices.length ? Math.max(...slices.map(s => s[BEGIN] + s[LENGTH])) : 0;
  policyEnds.push(end);
  last = Math.max(last, end);
}
const colour = name => COLOURS[names.indexOf(name) % COLOURS.length];
for (const name of names) {
  const key = Object.assign(document.createElement("span"), { className: "key" });
  key.style.background = colour(name);
  $("keys").append(key, name);
}

// ── what is seen of it ────────────────────────────────────────────────────────────────────────────

const canvas = $("view"), pen = canvas.getContext("2d");
let from = 0, to = Math.min(...policyEnds.filter(end => end > 0), last), width = 0;
const x = ns => LEFT + (ns - from) / (to - from) * (width - LEFT);
const ns = at => from + (at - LEFT) / (width - LEFT) * (to - from);

/// The first slice that ends after `when`.
function starting(slices, when) {
  let low = 0, high = slices.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (slices[middle].end < when) low = middle + 1; else high = middle;
  }
  return low;
}

function draw() {
  const scale = devicePixelRatio || 1, height = TOP + tracks.length * ROW + 4;
  width = canvas.clientWidth;
  canvas.style.height = `${height}px`;
  canvas.width = width * scale;
  canvas.height = height * scale;
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.font = "11px system-ui, sans-serif";
  const ink = getComputedStyle(document.body).color;
  drawScale(ink, height);
  let drawn = 0;
  tracks.forEach((track, at) => { drawn += drawTrack(track, TOP + at * ROW, ink); });
  canvas.dataset.drawn = drawn;
}

function drawScale(ink, height) {
  const rough = (to - from) / Math.max(1, (width - LEFT) / 110), power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find(each => each * power >= rough);
  pen.fillStyle = ink;
  for (let at = Math.ceil(from / step) * step; at < to; at += step) {
    pen.globalAlpha = 0.15;
    pen.fillRect(x(at), TOP - 6, 1, height);
    pen.globalAlpha = 1;
    pen.fillText(time(at), x(at) + 2, 12);
  }
}

function drawTrack({ policy, hart, slices }, y, ink) {
  let drawn = 0, edge = -1;
  for (let at = starting(slices, from); at < slices.length && slices[at].begin < to; ++at) {
    const s = slices[at], left = Math.max(LEFT, x(s.begin)), right = Math.min(width, x(s.end));
    if (right < edge) continue;  // nothing would be seen of it
    const wide = Math.max(right - left, 0.8);
    pen.fillStyle = colour(s.of);
    pen.fillRect(left, y + 2, wide, ROW - 5);
    if (wide > 26) {
      pen.fillStyle = "#fff";
      pen.fillText(`${s.task}`.slice(0, wide / 6.5), left + 3, y + 13);
    }
    edge = left + 1;
    ++drawn;
  }
  pen.fillStyle = ink;
  pen.fillText(`${policy} · hart ${hart}`, 0, y + 13);
  return drawn;
}

function show(begin, end) {
  const length = Math.min(Math.max(end - begin, 20), last);
  from = Math.min(Math.max(begin, 0), last - length);
  to = from + length;
  draw();
}

// ── moving about ──────────────────────────────────────────────────────────────────────────────────

canvas.addEventListener("wheel", event => {
  event.preventDefault();
  const at = ns(Math.max(event.offsetX, LEFT)), by = Math.exp(event.deltaY / 300);
  show(at - (at - from) * by, at + (to - at) * by);
}, { passive: false });
let held = null;
canvas.addEventListener("pointerdown", event => {
  held = event.offsetX;
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener("pointerup", () => { held = null; });
canvas.addEventListener("pointermove", event => {
  if (held === null) return point(event);
  const moved = (held - event.offsetX) / (width - LEFT) * (to - from);
  held = event.offsetX;
  show(from + moved, to + moved);
});
canvas.addEventListener("pointerleave", () => { $("tip").style.display = "none"; });
canvas.addEventListener("keydown", event => {
  const step = (to - from) / 4;
  const moves = { "+": [step, -step], "-": [-step, step], ArrowLeft: [-step, -step], ArrowRight: [step, step] };
  const move = moves[event.key];
  if (move) show(from + move[0], to + move[1]);
});
$("all").addEventListener("click", () => show(0, last));
addEventListener("resize", draw);

function point(event) {
  const track = tracks[Math.floor((event.offsetY - TOP) / ROW)], tip = $("tip");
  const when = ns(event.offsetX), near = 2 * (to - from) / width;
  const s = track && track.slices[starting(track.slices, when - near)];
  const hit = event.offsetX > LEFT && s && s.begin <= when + near;
  tip.style.display = hit ? "block" : "none";
  if (!hit) return;
  tip.textContent = `${s.of}, task ${s.task}\n${time(s.end - s.begin)}, from ${time(s.begin)}`;
  tip.style.left = `${Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8)}px`;
  tip.style.top = `${event.clientY + 16}px`;
}

// `#at=BEGIN-END` (in ns) in the address is where to begin.
const range = location.hash.match(/^#at=(\d+)-(\d+)$/);
range ? show(+range[1], +range[2]) : draw();
