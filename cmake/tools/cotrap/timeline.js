"use strict";
// A timeline: tracks of slices on a canvas, which the reader can zoom, move, scroll and fold. The pages of
// `trace` and `sim` use it: each has an element "timeline", and a derived class that describes its slices.
// Times are in nanoseconds. The colours and units come from charts.js.
const ROW = 20, LEFT = 190, TOP = 22;  // pixels; LEFT: for the names
const SHORTEST = 20;  // ns that can be seen at once

class Timeline {
  /// tracks: [{group, slices: […] in order of time}…], the tracks of a group together. first, last: the ends
  /// of the run.
  /// kinds: the kinds of slices, [[name, number of its colour in page.css, from 0]…]. more: the page's own
  /// keys, [[key, what it does]…].
  /// Nothing is drawn before show() or draw().
  constructor(tracks, first, last, kinds, more = []) {
    Object.assign(this, { tracks, first, last, from: first, to: last });
    this.width = this.height = 0;
    this.folded = new Set();
    this.pointed = -1;  // the row at the mouse pointer; -1: none
    this.kinds = kinds;
    this.groups = new Map();
    for (const track of tracks) this.groups.set(track.group, [...this.groups.get(track.group) || [], track]);
    this.makeElements(more);
    this.pen = this.canvas.getContext("2d");
    this.makeRows();
    this.listen();
  }

  makeElements(more) {
    this.canvas = element("canvas", { id: "view", tabIndex: 0 });
    this.canvas.setAttribute("role", "application");
    this.all = element("button", { id: "all", textContent: "whole run" });
    this.spacer = element("div");
    this.frame = element("div", { id: "frame" }, this.canvas, this.spacer);
    this.tip = element("div", { id: "tip" });
    this.bar = element("div", { id: "bar" }, this.all);
    const colours = element("span", { id: "keys" });
    for (const [name, colour] of this.kinds) {
      const square = element("span", { className: "key" });
      square.style.background = `var(${seriesName(colour)})`;
      colours.append(square, name);
    }
    this.bar.append(colours);
    const hints = element("p", { id: "hints" }, "Mouse: wheel to zoom, Shift and wheel to scroll, drag to move, point "
        + "at a slice to read it, click a group's name to fold it. Keys, after a click or Tab to the timeline: ");
    const keys = [["+", "zoom in"], ["-", "zoom out"], ["0", "whole run"], ["←", ""], ["→", "move"], ["↑", ""],
                  ["↓", "choose a track"], ["f", "fold its group"], ["F", "fold or unfold all"], ...more];
    keys.forEach(([key, what], at) => {
      const after = what && ` ${what}${at < keys.length - 1 ? "; " : "."}`;
      hints.append(element("kbd", { textContent: key }), after || " ");
    });
    $("timeline").append(this.bar, this.frame, hints, this.tip);
  }

  // ── methods of a page's derived class ──
  //
  // begin(slice), end(slice)
  // kind(slice):          a number, its place in `kinds`
  // text(slice):          the text in the slice
  // name(track):          the text at the left of the track
  // about(track, slice):  the text at the pointer

  /// Whether the slice matches the reader's search; null: there is no search.
  isWanted(track, slice) { return null; }
  /// A derived class can draw over the tracks here.
  drawAbove(ink) {}
  /// A derived class can handle keys of its own here. Returns whether it has handled this one.
  press(key) { return false; }

  // ── rows: a group's head, and its tracks unless it is folded. A group of one track has no head ──

  makeRows() {
    const kept = this.rows?.[this.chosen];
    this.rows = [];
    this.rowOf = new Map();  // by track
    for (const [group, tracks] of this.groups) {
      const head = tracks.length > 1, isFolded = head && this.folded.has(group);
      if (head) this.rows.push({ group, tracks: isFolded ? tracks : [], isFolded, isHead: true });
      for (const track of tracks) {
        if (!isFolded) this.rows.push({ group, tracks: [track] });
        this.rowOf.set(track, this.rows.length - 1);
      }
    }
    const same = row => row.isHead === kept?.isHead && row.tracks[0] === kept?.tracks[0] && row.group === kept?.group;
    const again = this.rows.findIndex(same);
    this.chosen = again >= 0 ? again : Math.max(0, this.rows.findIndex(row => row.group === kept?.group));
  }

  fold(group, folds = !this.folded.has(group)) {
    if (this.groups.get(group).length === 1) return;
    folds ? this.folded.add(group) : this.folded.delete(group);
    this.makeRows();
    this.draw();
  }
  foldAll() {
    const heads = [...this.groups].filter(([, tracks]) => tracks.length > 1).map(([group]) => group);
    this.folded = new Set(this.folded.size < heads.length ? heads : []);
    this.makeRows();
    this.choose(this.chosen);
  }
  choose(row) {
    this.chosen = Math.max(0, Math.min(row, this.rows.length - 1));
    const at = this.chosen * ROW, room = this.height - TOP - ROW;
    this.scrollTo(Math.max(at - room, Math.min(this.scroll, at)));
  }
  /// Makes the track's row visible, and chooses it.
  reveal(track) {
    if (this.folded.has(track.group)) this.fold(track.group, false);
    this.choose(this.rowOf.get(track));
  }

  // ── what is visible ──

  x(ns) { return LEFT + (ns - this.from) / (this.to - this.from) * (this.width - LEFT); }
  ns(at) { return this.from + (at - LEFT) / (this.width - LEFT) * (this.to - this.from); }
  y(row) { return TOP + row * ROW - this.scroll; }
  yOf(track) { return this.y(this.rowOf.get(track)); }
  get scroll() { return this.frame.scrollTop; }

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
    const { canvas, pen, rows } = this, scale = devicePixelRatio || 1, all = TOP + rows.length * ROW + 4;
    this.height = Math.min(all, Math.max(240, Math.round(innerHeight * 0.62)));
    this.frame.style.height = canvas.style.height = `${this.height}px`;
    this.spacer.style.height = `${all - this.height}px`;  // gives the frame its scroll bar
    this.width = this.frame.clientWidth;
    canvas.width = this.width * scale;
    canvas.height = this.height * scale;
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.font = "11px system-ui, sans-serif";
    this.palette = this.kinds.map(([, colour]) => css(seriesName(colour)));
    [this.ink, this.ground] = [css("--text"), css("--ground")];
    this.drawScale();
    let drawn = 0;
    rows.forEach((row, at) => {
      const y = this.y(at);
      if (y >= TOP - ROW && y <= this.height) drawn += this.drawRow(row, y, at === this.chosen);
    });
    this.drawAbove(this.ink);
    pen.clearRect(0, 0, LEFT, TOP);
    Object.assign(canvas.dataset, { drawn, rows: rows.length, folded: this.folded.size });
    canvas.ariaLabel = `timeline of ${this.tracks.length} tracks in ${this.groups.size} groups, from `
        + `${time(this.from)} to ${time(this.to)} of ${time(this.last)}`;
  }

  drawScale() {
    const { pen, from, to } = this, rough = (to - from) / Math.max(1, (this.width - LEFT) / 110);
    const power = 10 ** Math.floor(Math.log10(rough)), step = power * [1, 2, 5, 10].find(each => each * power >= rough);
    pen.fillStyle = this.ink;
    for (let at = Math.ceil(from / step) * step; at < to; at += step) {
      pen.globalAlpha = 0.15;
      pen.fillRect(this.x(at), TOP - 6, 1, this.height);
      pen.globalAlpha = 1;
      const [size, unit] = SIZES.find(([size]) => at >= size) || SIZES.at(-1);
      pen.fillText(`${(at / size).toFixed(Math.max(0, Math.ceil(Math.log10(size / step))))} ${unit}`, this.x(at) + 2, 12);
    }
  }

  drawRow(row, y, isChosen) {
    const { pen } = this;
    let drawn = 0;
    for (const track of row.tracks) drawn += this.drawTrack(track, y, row.isHead);
    pen.clearRect(0, y, LEFT, ROW);
    pen.fillStyle = this.ink;
    if (isChosen) {
      pen.globalAlpha = 0.12;
      pen.fillRect(0, y, LEFT - 2, ROW - 1);
      pen.globalAlpha = 1;
    }
    const count = this.groups.get(row.group).length;
    const name = row.isHead ? `${row.isFolded ? "▸" : "▾"} ${row.group} (${count})`
        : count > 1 ? this.name(row.tracks[0]) : `${row.group} · ${this.name(row.tracks[0])}`;
    pen.font = `${row.isHead ? "bold " : ""}11px system-ui, sans-serif`;
    pen.fillText(name.slice(0, 32), row.isHead || count === 1 ? 4 : 16, y + 13, LEFT - 20);
    pen.font = "11px system-ui, sans-serif";
    return drawn;
  }

  /// isOneOfMany: other tracks are drawn into the same row. Slices narrower than a column of pixels share their
  /// column; one that the reader searches for has it alone.
  drawTrack(track, y, isOneOfMany) {
    const { pen, width } = this, { slices } = track, full = isOneOfMany ? 0.5 : 1;
    let drawn = 0, column = null;
    const finish = () => {
      if (column) this.drawColumn(column, y);
      column = null;
    };
    for (let at = this.starting(slices, this.from); at < slices.length && this.begin(slices[at]) < this.to; ++at) {
      const s = slices[at], x1 = Math.max(LEFT, this.x(this.begin(s))), x2 = Math.min(width, this.x(this.end(s)));
      const wanted = this.isWanted(track, s), alpha = wanted === false ? 0.25 : full;
      ++drawn;
      if (x2 - x1 < 1 && !wanted) {
        if (column?.x !== Math.floor(x1)) {
          finish();
          column = { x: Math.floor(x1), shares: this.kinds.map(() => 0), alpha };
        }
        column.shares[this.kind(s)] += x2 - x1;
        continue;
      }
      finish();
      const wide = Math.max(x2 - x1, 0.8);
      pen.fillStyle = this.palette[this.kind(s)];
      pen.globalAlpha = alpha;
      pen.fillRect(x1, y + 2, wide, ROW - 5);
      if (wide > 26 && !isOneOfMany) {
        pen.fillStyle = wanted === false ? this.ink : this.ground;
        pen.fillText(this.text(s).slice(0, wide / 6.5), x1 + 3, y + 13);
      }
    }
    finish();
    pen.globalAlpha = 1;
    return drawn;
  }

  /// Each kind has the part of the column's height that it has of the column's time, and at least one pixel.
  drawColumn({ x, shares, alpha }, y) {
    const { pen } = this, whole = Math.max(1, shares.reduce((sum, share) => sum + share));
    pen.globalAlpha = alpha;
    let below = y + ROW - 3;
    shares.forEach((share, kind) => {
      if (share === 0) return;
      const high = Math.max(1, share / whole * (ROW - 5));
      pen.fillStyle = this.palette[kind];
      pen.fillRect(x, below - high, 1, high);
      below -= high;
    });
  }

  show(begin, end) {
    const length = Math.min(Math.max(end - begin, SHORTEST), this.last - this.first);
    this.from = Math.min(Math.max(begin, this.first), this.last - length);
    this.to = this.from + length;
    this.draw();
  }
  /// Moves the ends of the visible range: `left` and `right` are the changes, as shares of its length.
  move(left, right) {
    const length = this.to - this.from;
    this.show(this.from + left * length, this.to + right * length);
  }

  /// Shows the range `#at=BEGIN-END` of the page's address; without one, the whole run.
  beginWhereAsked() {
    const range = (new URLSearchParams(location.hash.slice(1)).get("at") || "").match(/^(\d+)-(\d+)$/);
    range ? this.show(+range[1], +range[2]) : this.draw();
  }

  // ── mouse and keys ──

  scrollTo(pixels) {
    this.frame.scrollTop = pixels;
    this.draw();
  }

  listen() {
    const { canvas, frame } = this;
    frame.addEventListener("scroll", () => this.draw());
    canvas.addEventListener("wheel", event => {
      event.preventDefault();
      if (event.shiftKey) return this.scrollTo(this.scroll + (event.deltaY || event.deltaX));
      const at = this.ns(Math.max(event.offsetX, LEFT)), by = Math.exp(event.deltaY / 300);
      this.show(at - (at - this.from) * by, at + (this.to - at) * by);
    }, { passive: false });
    let held = null;
    canvas.addEventListener("pointerdown", event => {
      const row = this.rows[this.rowAt(event)];
      if (row && event.offsetX < LEFT) {
        this.chosen = this.rowAt(event);
        row.isHead ? this.fold(row.group) : this.draw();
        return;
      }
      held = [event.offsetX, event.offsetY];
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointerup", () => { held = null; });
    canvas.addEventListener("pointermove", event => {
      canvas.style.cursor = event.offsetX < LEFT ? "pointer" : "";
      if (!held) return this.point(event);
      const moved = (held[0] - event.offsetX) / (this.width - LEFT);
      frame.scrollTop += held[1] - event.offsetY;
      held = [event.offsetX, event.offsetY];
      this.move(moved, moved);
    });
    canvas.addEventListener("pointerleave", () => {
      this.tip.style.display = "none";
      this.setPointed(-1);
    });
    const keys = {
      "+": () => this.move(0.25, -0.25), "-": () => this.move(-0.5, 0.5),
      "0": () => this.show(this.first, this.last),
      ArrowLeft: () => this.move(-0.25, -0.25), ArrowRight: () => this.move(0.25, 0.25),
      ArrowUp: () => this.choose(this.chosen - 1), ArrowDown: () => this.choose(this.chosen + 1),
      f: () => this.fold(this.rows[this.chosen].group), F: () => this.foldAll(),
    };
    canvas.addEventListener("keydown", event => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      const own = keys[event.key];
      if (own) own();
      if (own || this.press(event.key)) event.preventDefault();
    });
    this.all.addEventListener("click", () => this.show(this.first, this.last));
    addEventListener("resize", () => this.draw());
    scheme.addEventListener("change", () => this.draw());
  }

  setPointed(row) {
    if (row === this.pointed) return;
    this.pointed = row;
    this.draw();
  }
  rowAt(event) { return event.offsetY < TOP ? -1 : Math.floor((event.offsetY - TOP + this.scroll) / ROW); }

  point(event) {
    this.setPointed(this.rowAt(event));
    const when = this.ns(event.offsetX), near = 2 * (this.to - this.from) / this.width, { tip } = this;
    const hits = (this.rows[this.rowAt(event)]?.tracks || []).map(track =>
      [track, track.slices[this.starting(track.slices, when - near)]]);
    const hit = hits.find(([, s]) => event.offsetX > LEFT && s && this.begin(s) <= when + near);
    tip.style.display = hit ? "block" : "none";
    if (!hit) return;
    tip.textContent = this.about(...hit);
    tip.style.left = `${Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8)}px`;
    tip.style.top = `${event.clientY + 16}px`;
  }
}
