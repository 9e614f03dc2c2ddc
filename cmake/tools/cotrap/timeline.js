"use strict";
// Tracks of slices on a canvas, to zoom into and to move about in: what the pages of `trace` and
// `sim` have in common. A page is put together with this text in its script (pages.py), and says by
// a class of its own what its slices are; it has a canvas "view", "keys" of colours, a "tip" at the
// pointer and a button "all". Times are in nanoseconds.
const $ = id => document.getElementById(id);
const time = ns => ns < 1e3 ? `${ns.toFixed(0)} ns` : ns < 1e6 ? `${(ns / 1e3).toFixed(2)} µs`
                 : ns < 1e9 ? `${(ns / 1e6).toFixed(3)} ms` : `${(ns / 1e9).toFixed(3)} s`;
const ROW = 20, LEFT = 190, TOP = 22;  // pixels; LEFT: for the names
const LEAST = 20;  // ns to be seen at once

function key(colour, name) {
  const square = Object.assign(document.createElement("span"), { className: "key" });
  square.style.background = colour;
  $("keys").append(square, `${name} `);
}

class Timeline {
  /// tracks: [{slices: […] one after another}…]; first, last: where all there is begins and ends.
  /// Nothing is drawn before show() or draw().
  constructor(tracks, first, last) {
    Object.assign(this, { tracks, first, last, from: first, to: last });
    this.scroll = this.width = this.height = 0;
    this.canvas = $("view");
    this.pen = this.canvas.getContext("2d");
    this.moveAbout();
  }

  // ── a page's own ──
  //
  // begin(slice), end(slice), colour(slice), text(slice): in it
  // name(track):          at its left
  // about(track, slice):  at the pointer

  /// Whether it is one that is looked for; null: none is.
  isWanted(track, slice) { return null; }
  /// The most pixels from top to bottom; more tracks are scrolled.
  tallest() { return Infinity; }
  /// After the tracks.
  drawAbove(ink) {}

  // ── what is seen ──

  x(ns) { return LEFT + (ns - this.from) / (this.to - this.from) * (this.width - LEFT); }
  ns(at) { return this.from + (at - LEFT) / (this.width - LEFT) * (this.to - this.from); }
  y(track) { return TOP + track * ROW - this.scroll; }

  /// The first slice that ends after `when`.
  starting(slices, when) {
    let low = 0, high = slices.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.end(slices[middle]) < when) low = middle + 1; else high = middle;
    }
    return low;
  }

  draw() {
    const { canvas, pen, tracks } = this, scale = devicePixelRatio || 1;
    this.width = canvas.clientWidth;
    this.height = Math.min(TOP + tracks.length * ROW + 4, this.tallest());
    canvas.style.height = `${this.height}px`;
    canvas.width = this.width * scale;
    canvas.height = this.height * scale;
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.font = "11px system-ui, sans-serif";
    const ink = getComputedStyle(document.body).color;
    this.drawScale(ink);
    let drawn = 0;
    tracks.forEach((track, at) => {
      const y = this.y(at);
      if (y >= TOP - ROW && y <= this.height) drawn += this.drawTrack(track, y, ink);
    });
    this.drawAbove(ink);
    pen.clearRect(0, 0, LEFT, TOP);
    canvas.dataset.drawn = drawn;
  }

  drawScale(ink) {
    const { pen, from, to } = this, rough = (to - from) / Math.max(1, (this.width - LEFT) / 110);
    const power = 10 ** Math.floor(Math.log10(rough)), step = power * [1, 2, 5, 10].find(each => each * power >= rough);
    pen.fillStyle = ink;
    for (let at = Math.ceil(from / step) * step; at < to; at += step) {
      pen.globalAlpha = 0.15;
      pen.fillRect(this.x(at), TOP - 6, 1, this.height);
      pen.globalAlpha = 1;
      pen.fillText(step < 1e3 ? `${(at / 1e3).toFixed(2)} µs` : time(at), this.x(at) + 2, 12);
    }
  }

  drawTrack(track, y, ink) {
    const { pen, width } = this, { slices } = track;
    let drawn = 0, edge = -1;
    for (let at = this.starting(slices, this.from); at < slices.length && this.begin(slices[at]) < this.to; ++at) {
      const s = slices[at], x1 = Math.max(LEFT, this.x(this.begin(s))), x2 = Math.min(width, this.x(this.end(s)));
      const wanted = this.isWanted(track, s);
      if (x2 < edge && !wanted) continue;  // nothing would be seen of it
      const wide = Math.max(x2 - x1, 0.8);
      pen.fillStyle = this.colour(s);
      pen.globalAlpha = wanted === false ? 0.25 : 1;
      pen.fillRect(x1, y + 2, wide, ROW - 5);
      if (wide > 26) {
        pen.fillStyle = "#fff";
        pen.fillText(this.text(s).slice(0, wide / 6.5), x1 + 3, y + 13);
      }
      edge = x1 + 1;
      ++drawn;
    }
    pen.globalAlpha = 1;
    pen.clearRect(0, y, LEFT, ROW);
    pen.fillStyle = ink;
    pen.fillText(this.name(track).slice(0, 32), 4, y + 13);
    return drawn;
  }

  show(begin, end) {
    const length = Math.min(Math.max(end - begin, LEAST), this.last - this.first);
    this.from = Math.min(Math.max(begin, this.first), this.last - length);
    this.to = this.from + length;
    this.draw();
  }

  /// `#at=BEGIN-END` in the address is where to begin.
  beginWhereAsked() {
    const range = (new URLSearchParams(location.hash.slice(1)).get("at") || "").match(/^(\d+)-(\d+)$/);
    range ? this.show(+range[1], +range[2]) : this.draw();
  }

  // ── moving about ──

  scrollTo(pixels) {
    this.scroll = Math.max(0, Math.min(pixels, TOP + this.tracks.length * ROW + 4 - this.height));
  }
  scrollBy(pixels) {
    this.scrollTo(this.scroll + pixels);
    this.draw();
  }

  moveAbout() {
    const { canvas } = this;
    canvas.addEventListener("wheel", event => {
      event.preventDefault();
      if (event.shiftKey) return this.scrollBy(event.deltaY || event.deltaX);
      const at = this.ns(Math.max(event.offsetX, LEFT)), by = Math.exp(event.deltaY / 300);
      this.show(at - (at - this.from) * by, at + (this.to - at) * by);
    }, { passive: false });
    let held = null;
    canvas.addEventListener("pointerdown", event => {
      held = [event.offsetX, event.offsetY];
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointerup", () => { held = null; });
    canvas.addEventListener("pointermove", event => {
      if (!held) return this.point(event);
      const moved = (held[0] - event.offsetX) / (this.width - LEFT) * (this.to - this.from);
      this.scrollTo(this.scroll + held[1] - event.offsetY);
      held = [event.offsetX, event.offsetY];
      this.show(this.from + moved, this.to + moved);
    });
    canvas.addEventListener("pointerleave", () => { $("tip").style.display = "none"; });
    canvas.addEventListener("keydown", event => {
      const step = (this.to - this.from) / 4;
      const moves = { "+": [step, -step], "-": [-step, step], ArrowLeft: [-step, -step], ArrowRight: [step, step] };
      const move = moves[event.key];
      if (event.key === "ArrowUp" || event.key === "ArrowDown") this.scrollBy(event.key === "ArrowUp" ? -ROW : ROW);
      if (move) this.show(this.from + move[0], this.to + move[1]);
    });
    $("all").addEventListener("click", () => this.show(this.first, this.last));
    addEventListener("resize", () => this.draw());
  }

  point(event) {
    const track = this.tracks[Math.floor((event.offsetY - TOP + this.scroll) / ROW)], tip = $("tip");
    const when = this.ns(event.offsetX), near = 2 * (this.to - this.from) / this.width;
    const s = track && track.slices[this.starting(track.slices, when - near)];
    const hit = event.offsetX > LEFT && s && this.begin(s) <= when + near;
    tip.style.display = hit ? "block" : "none";
    if (!hit) return;
    tip.textContent = this.about(track, s);
    tip.style.left = `${Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8)}px`;
    tip.style.top = `${event.clientY + 16}px`;
  }
}
