"use strict";
// What the charts of all pages have in common, on top of Chart.js: colours of the style sheet (page.css),
// which follow the reader's choice of light or dark; units; axes with a switch between a logarithmic and a
// linear scale; histograms. Times are in nanoseconds.
const $ = id => document.getElementById(id);
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

// ── units ───────────────────────────────────────────────────────────────────────────────────────

const SIZES = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]];
const time = ns => ns < 1e3 ? `${ns.toFixed(0)} ns` : ns < 1e6 ? `${(ns / 1e3).toFixed(2)} µs`
                 : ns < 1e9 ? `${(ns / 1e6).toFixed(3)} ms` : `${(ns / 1e9).toFixed(3)} s`;
// toFixed() rounds like the tables of the page: 74.005, which a computer stores as a little less, becomes 74.00.
const plain = value => Number(value.toFixed(value < 1e3 ? 2 : 0)).toLocaleString("en");
const scaled = sizes => value => {
  const [size, name] = sizes.find(([size]) => Math.abs(value) >= size) || sizes.at(-1);
  return value ? `${+(value / size).toPrecision(4)} ${name}`.trim() : "0";
};
/// `tick` writes a value at an axis, `full` in a tooltip.
const unitOf = name => name === "time"
    ? { tick: scaled(SIZES), full: time }
    : { tick: scaled([[1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""]]), full: value => `${plain(value)} ${name}` };

// ── colours ─────────────────────────────────────────────────────────────────────────────────────

const SERIES = 12;  // colours that page.css has
const seriesName = at => `--series-${at % SERIES + 1}`;
const colourOf = name => () => css(name);
/// The lines of half of the series are dashed, and so differ from the others without their colours.
const dashOf = at => at % SERIES < SERIES / 2 ? [] : [7, 3];

function hatchOf(name) {
  return () => {
    const tile = element("canvas", { width: 8, height: 8 }), pen = tile.getContext("2d");
    pen.strokeStyle = css(name);
    pen.lineWidth = 3;
    pen.beginPath();
    for (const x of [-8, 0, 8]) pen.moveTo(x, 8), pen.lineTo(x + 8, 0);
    pen.stroke();
    return pen.createPattern(tile, "repeat");
  };
}

function takeColours() {
  Chart.defaults.color = css("--text");
  Chart.defaults.borderColor = css("--line");
}
const scheme = matchMedia("(prefers-color-scheme: dark)");
scheme.addEventListener("change", () => {
  takeColours();
  for (const each of Object.values(Chart.instances)) each.update("none");
});
takeColours();
Chart.defaults.font.family = "system-ui, sans-serif";
Chart.defaults.animation = false;
Chart.defaults.maintainAspectRatio = false;

// ── axes ────────────────────────────────────────────────────────────────────────────────────────

/// Puts ticks at powers of ten; if the axis has few of these, also at two and five times each.
function roundTicks(scale) {
  const first = Math.floor(Math.log10(scale.min)), last = Math.ceil(Math.log10(scale.max));
  const every = Math.ceil((last - first) / 10), times = last - first <= 2 ? [1, 2, 5] : [1], ticks = [];
  for (let power = first; power <= last; power += every) {
    for (const each of times) ticks.push({ value: +`${each}e${power}` });
  }
  const seen = ticks.filter(({ value }) => value >= scale.min * 0.999 && value <= scale.max * 1.001);
  if (seen.length > 1) scale.ticks = seen;
}

/// tick(value): the text of a tick. low, high: the ends. Without `low`, a logarithmic axis begins at the
/// power of ten below `least`, a linear one at 0.
function axis({ title, tick, isLog, low, high, least, position, stacked }) {
  return {
    type: isLog ? "logarithmic" : "linear",
    position,
    stacked,
    offset: false,
    min: low ?? (isLog ? 10 ** Math.floor(Math.log10(least)) : 0),
    max: high,
    title: { display: true, text: `${title}, ${isLog ? "logarithmic" : "linear"} scale` },
    ticks: { callback: value => tick(value), maxRotation: 0, autoSkipPadding: 12, includeBounds: false },
    grid: { offset: false },
    afterBuildTicks: isLog ? roundTicks : undefined,
  };
}

/// Makes a chart in `canvas`, which lies in an element of the class "chart". isLog: by axis, whether it is
/// logarithmic at first; above the chart each of these axes has a switch. axes: by axis, a function of isLog
/// that returns the argument of axis() and `name`, the text beside the switch. prepare(data, isLog) is called
/// before the axes are made, and may make the data.
function chart(canvas, { isLog, axes, prepare = () => {}, ...config }) {
  const scales = () => {
    prepare(config.data, isLog);
    return Object.fromEntries(Object.keys(axes).map(id => [id, axis({ ...axes[id](isLog[id]), isLog: isLog[id] })]));
  };
  config.options.scales = { ...config.options.scales, ...scales() };
  const made = new Chart(canvas, config), switches = element("div", { className: "switches" });
  for (const id of Object.keys(axes)) {
    const box = element("input", { type: "checkbox", checked: isLog[id] });
    box.addEventListener("change", () => {
      isLog[id] = box.checked;
      Object.assign(made.config.options.scales, scales());
      made.update();
    });
    switches.append(element("label", {}, box, ` logarithmic: ${axes[id](isLog[id]).name}`));
  }
  canvas.setAttribute("role", "img");
  canvas.parentElement.before(switches);
  return made;
}

// ── distributions ───────────────────────────────────────────────────────────────────────────────

const BINS = 40;

/// Returns bins of equal width on the axis, and the axis's ends. samples: [[value, times]…], ascending. A
/// logarithmic axis has no place for samples of 0, so its bins leave them out.
function binsOf(samples, isLog) {
  const to = isLog ? Math.log : value => value, from = isLog ? Math.exp : value => value;
  const shown = isLog ? samples.filter(([value]) => value > 0) : samples;
  const [low, high] = [shown[0]?.[0] ?? 1, shown.at(-1)?.[0] ?? 1].map(to);
  const width = (high - low) / BINS || (isLog ? 0.01 : Math.max(high, 1) * 0.01), count = high > low ? BINS : 1;
  const bins = Array.from({ length: count }, (_, at) => ({
    x: from(low + (at + 0.5) * width), y: 0, from: from(low + at * width), to: from(low + (at + 1) * width),
  }));
  for (const [value, times] of shown) {
    bins[Math.max(0, Math.min(Math.floor((to(value) - low) / width), count - 1))].y += times;
  }
  return { bins, low: bins[0].from, high: bins.at(-1).to };
}

/// The least value v such that at least `share` (0 to 1) of the samples are no greater than v.
function percentile(samples, share) {
  let left = share * samples.reduce((sum, [, times]) => sum + times, 0);
  return (samples.find(([, times]) => (left -= times) <= 1e-9) || samples.at(-1))[0];
}

/// Puts into `place` a menu of distributions, the percentiles of the chosen one, and its histogram.
/// of: {name: [[value, times]…]}, each ascending. unit: that of the values. noun: the word for the samples.
function distributions(place, { of, chosen, unit, noun, title }) {
  const choice = element("select", { ariaLabel: title }), words = element("p"), canvas = element("canvas");
  const zeros = element("p", { className: "zeros" });
  const { tick, full } = unitOf(unit);
  for (const name of Object.keys(of)) choice.add(new Option(name, name, false, name === chosen));
  place.append(element("figure", {}, element("figcaption", {}, `${title}: `, choice), words,
                       zeros, element("div", { className: "chart" }, canvas)));
  const show = () => {
    const samples = of[choice.value], count = samples.reduce((sum, [, times]) => sum + times, 0);
    const parts = [["p50", 0.5], ["p90", 0.9], ["p99", 0.99], ["p99.9", 0.999], ["longest", 1]];
    const at = parts.map(([name, share]) =>
      `${name === "longest" && unit !== "time" ? "greatest" : name} ${full(percentile(samples, share))}`);
    words.textContent = `${count.toLocaleString("en")} ${noun}: ${at.join(", ")}`;
    canvas.ariaLabel = `${title}: ${choice.value}. ${words.textContent}`;
    const least = (samples.find(([value]) => value > 0) || [1])[0], isWide = samples.at(-1)[0] > 4 * least;
    Chart.getChart(canvas)?.destroy();
    place.querySelector(".switches")?.remove();
    let low, high;
    chart(canvas, {
      type: "bar",
      data: { datasets: [{ label: noun, data: [], backgroundColor: colourOf(seriesName(0)),
                           barPercentage: 0.92, categoryPercentage: 1 }] },
      options: {
        interaction: { mode: "index", intersect: false },
        plugins: { legend: { display: false }, tooltip: { callbacks: {
          title: ([{ raw }]) => `${full(raw.from)} to ${full(raw.to)}`,
          label: ({ raw }) => `${plain(raw.y)} ${noun}`,
        } } },
      },
      isLog: { x: isWide, y: count > 100 },
      axes: {
        x: () => ({ name: unit, title: unit, tick, low, high }),
        y: isLog => ({ name: `number of ${noun}`, title: noun, low: isLog ? 0.5 : 0,
                       tick: value => Number.isInteger(value) ? plain(value) : "" }),
      },
      prepare: ({ datasets: [bars] }, isLog) => {
        ({ bins: bars.data, low, high } = binsOf(samples, isLog.x));
        const left = isLog.x && samples[0][0] <= 0 ? samples[0][1] : 0;
        zeros.textContent = left ? `Not on the logarithmic scale: ${plain(left)} ${noun} of 0.` : "";
      },
    });
  };
  choice.addEventListener("change", show);
  show();
}
