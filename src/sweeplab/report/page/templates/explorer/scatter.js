// Every run against one knob, and the best that each value allows.
import { line, measure, painter, scaleTicks, short, stage, text, theme, trace } from "draw";

const HEIGHT = 280, LEFT = 52, RIGHT = 14, TOP = 24, BOTTOM = 40, STRIP = 22, NEAR = 10, GOLDEN = 0.6180339887;

export function scatter(host, data, view) {
  const it = stage(host, HEIGHT, "Every run's result against one knob");
  let places = [];

  function draw() {
    const { state, keep } = view, g = it.onBase(), { muted, rule, bad, link } = theme();
    const knob = data.knobs[state.x], paint = painter(data, state);
    const loss = data.metrics[state.metric].loss, scale = measure(loss, state.logValue);
    const at = spots(knob), w = it.w - LEFT - RIGHT;
    const edge = Math.min(46, w / (2 * at.length + 2) + 10);
    const xs = at.map((share) => LEFT + edge + share * (w - 2 * edge));
    const apart = Math.min(...xs.slice(1).map((x, i) => x - xs[i]), 60);
    const runs = [], gone = [];
    let [low, high] = [Infinity, -Infinity];
    for (let run = 0; run < data.R; run += 1) {
      if (!keep[data.run_setting[run]]) continue;
      const value = data.runResult(state.metric, run);
      if (data.run_status[run] === 0 && Number.isFinite(value)) {
        runs.push(run);
        [low, high] = [Math.min(low, value), Math.max(high, value)];
      } else if (data.run_status[run] === 1) gone.push(run);
    }
    if (!(low < high)) [low, high] = low === high ? [low - 0.01, high + 0.01] : [0, 1];
    const floor = it.h - BOTTOM - (gone.length ? STRIP : 0);
    const [from, to] = [scale.to(low), scale.to(high)], room = 0.05 * (to - from);
    const yOf = (v) => floor - (scale.to(v) - from + room) / (to - from + 2 * room) * (floor - TOP);
    for (const v of scaleTicks(scale, low, high, loss, state.logValue, 5)) {
      line(g, [LEFT, yOf(v), it.w - RIGHT, yOf(v)], rule, 0.8);
      text(g, short(v), LEFT - 6, yOf(v), { align: "right" });
    }
    line(g, [LEFT, TOP, LEFT, it.h - BOTTOM, it.w - RIGHT, it.h - BOTTOM], muted, 1);
    let right = -Infinity;
    xs.forEach((x, i) => {
      const half = g.measureText(knob.ticks[i]).width / 2;
      if (x - half < right + 6) return;
      text(g, knob.ticks[i], x, it.h - BOTTOM + 12, { align: "center" });
      right = x + half;
    });
    text(g, `${knob.axis}${knob.log ? ", log scale" : ""}`, LEFT + w / 2, it.h - 10, { align: "center", colour: muted });

    const seen = new Map();
    const spread = (run) => { // steps of the golden ratio, so that no two runs at one place coincide
      const level = data.level(state.x, data.run_setting[run]), nth = seen.get(level) || 0;
      seen.set(level, nth + 1);
      return xs[level] + (((nth * GOLDEN) % 1) - 0.5) * Math.min(apart * 0.6, 90) * Math.min(1, nth / 6 + 0.15);
    };
    places = runs.map((run) => [run, spread(run), yOf(data.runResult(state.metric, run))]);
    const bins = paint.colours.map(() => []);
    for (const place of places) bins[paint.bin(data.run_setting[place[0]])].push(place);
    g.globalAlpha = Math.min(Math.max(14 / Math.sqrt(runs.length + 1), 0.25), 0.9);
    const size = runs.length > 2000 ? 3 : runs.length > 300 ? 4 : 6;
    bins.forEach((some, bin) => {
      g.fillStyle = paint.colours[bin];
      for (const [, x, y] of some) g.fillRect(x - size / 2, y - size / 2, size, size);
    });
    g.globalAlpha = 1;
    if (gone.length) {
      const y = it.h - BOTTOM - STRIP / 2, many = new Map();
      g.strokeStyle = bad;
      g.lineWidth = 1.2;
      for (const run of gone) {
        const level = data.level(state.x, data.run_setting[run]);
        many.set(level, (many.get(level) || 0) + 1);
      }
      for (const [level, count] of many) {
        cross(g, xs[level] - 8, y);
        text(g, `${count} diverged`.slice(0, apart < 70 ? String(count).length : 99), xs[level] + 1, y, { colour: bad });
      }
    }
    const best = data.unit === "run" ? [] : bestOf(data, view, state.x, loss);
    line(g, best.flatMap(([level, s]) => [xs[level], yOf(data.result(state.metric, s))]), link, 1.6);
    for (const [level, s] of best) dot(g, xs[level], yOf(data.result(state.metric, s)), 4, link);
    text(g, best.length ? "a point a run; line: best setting of each value" : "a point a run", LEFT + 4, TOP - 12, { colour: muted });
    over();
  }

  function over() {
    const g = it.onOver(), { ink, link, page } = theme();
    for (const [s, colour] of [[view.state.setting, ink], [view.hover, link]]) {
      for (const [run, x, y] of places) {
        if (data.run_setting[run] !== s) continue;
        dot(g, x, y, 5.5, page);
        dot(g, x, y, 4.5, colour);
      }
    }
  }

  function find(x, y) {
    let best = -1, least = NEAR;
    for (const [run, px, py] of places) {
      const far = Math.hypot(px - x, py - y);
      if (far < least) [best, least] = [data.run_setting[run], far];
    }
    return best;
  }
  view.point(it.box, find);
  return { draw, over, stays: true };
}

// Where the levels stand, from 0 to 1: by their ratios, or differences; zero a step before the
// smallest on a log scale; words at even distances.
function spots(knob) {
  const n = knob.values.length;
  if (n === 1) return [0.5];
  if (knob.words) return knob.values.map((_, i) => i / (n - 1));
  let at = knob.values;
  if (knob.log) {
    const logs = knob.values.map((v) => (v > 0 ? Math.log10(v) : NaN));
    const first = logs.findIndex((v) => !Number.isNaN(v));
    const step = Math.max(0.3, Math.min(...logs.slice(first + 1).map((v, i) => v - logs[first + i])));
    at = logs.map((v) => (Number.isNaN(v) ? logs[first] - step : v));
  }
  return at.map((v) => (v - at[0]) / (at.at(-1) - at[0]));
}

// For each level the active setting with the best mean: [level, setting].
function bestOf(data, view, knob, loss) {
  const best = new Map();
  for (let s = 0; s < data.S; s += 1) {
    const value = data.result(view.state.metric, s), level = data.level(knob, s);
    if (!view.keep[s] || !Number.isFinite(value)) continue;
    const than = best.has(level) ? data.result(view.state.metric, best.get(level)) : loss ? Infinity : -Infinity;
    if (loss ? value < than : value > than) best.set(level, s);
  }
  return [...best].sort((a, b) => a[0] - b[0]);
}

function dot(g, x, y, radius, colour) {
  g.beginPath();
  g.arc(x, y, radius, 0, 7);
  g.fillStyle = colour;
  g.fill();
}

function cross(g, x, y) {
  g.beginPath();
  trace(g, [x - 4, y - 4, x + 4, y + 4, NaN, NaN, x - 4, y + 4, x + 4, y - 4]);
  g.stroke();
}
