// Learning curves: the mean of every active setting, in one panel or in one for each value of a knob.
import { line, measure, painter, scaleTicks, short, stage, text, theme, ticks, trace } from "draw";
import { thin } from "parallel";

const LEFT = 44, RIGHT = 10, TOP = 24, BOTTOM = 38, HEIGHT = 280, SMALL = 190, NEAR = 12;
const MOST_CURVES = 500, FEW_CURVES = 120, MOST_PANELS = 8, MOST_GONE = 60;

export function curves(host, data, view) {
  const it = stage(host, HEIGHT, "Learning curves");
  let panels = [], drawn = [], bounds, scale;

  const xs = (grid, state) => data.grids[grid][data.clocks[state.clock].key];

  function layout(state) {
    const knob = state.panel < 0 ? null : data.knobs[state.panel];
    const step = knob ? Math.ceil(knob.texts.length / MOST_PANELS) : 1;
    const shown = knob ? knob.texts.map((_, l) => l).filter((l) => l % step === 0) : [-1];
    const most = knob ? Math.max(1, Math.floor(it.box.clientWidth / 165)) : 1;
    const rows = Math.ceil(shown.length / most), columns = Math.ceil(shown.length / rows), height = knob ? SMALL : HEIGHT;
    it.h = rows * height;
    return shown.map((level, i) => {
      const w = it.box.clientWidth / columns, left = (i % columns) * w, top = Math.floor(i / columns) * height;
      return {
        level, x0: left + LEFT, x1: left + w - RIGHT, y0: top + height - BOTTOM, y1: top + TOP,
        title: knob ? `${knob.short} = ${knob.texts[level]}` : "",
      };
    });
  }

  // The range of both axes: of the curves' ends and a tenth below, not of their steep beginning.
  function range(state, some, loss) {
    let [first, last, least, low, high] = [Infinity, 0, Infinity, Infinity, -Infinity];
    for (const s of some) {
      const mean = data.meanCurve(s, state.metric), clock = xs(mean.grid, state);
      [first, last] = [Math.min(first, clock[1] ?? 1), Math.max(last, clock.at(-1))];
      for (const v of mean.y) if (Number.isFinite(v)) [low, high] = [Math.min(low, v), Math.max(high, v)];
      least = Math.min(least, mean.y.at(-1));
    }
    if (low > high) [low, high, least] = [0, 1, 0];
    if (!last) for (let run = 0; run < data.R; run += 1) if (data.hasCurve(run)) last = Math.max(last, xs(data.grid[run], state).at(-1));
    if (loss) {
      const start = Math.max(...some.map((s) => data.meanCurve(s, state.metric).y[0]).filter(Number.isFinite), 0.1);
      return { first, last: last || 1, low: state.logValue ? low : 0, high: Math.min(high, 1.1 * start) };
    }
    // The chosen setting's runs are drawn too, and end above their mean.
    for (const s of some) for (const run of data.members[s]) if (data.runResult(state.metric, run) > high) high = data.runResult(state.metric, run);
    return { first, last: last || 1, low: Math.max(0, Math.floor(10 * (least - 0.05)) / 10), high: Math.min(1, high + 0.01) };
  }

  const xOf = (panel, v, { logClock }) => {
    const { first, last } = bounds;
    const share = logClock ? Math.log(Math.max(v, first * 0.7) / (first * 0.7)) / Math.log(last / (first * 0.7)) : v / last;
    return panel.x0 + share * (panel.x1 - panel.x0);
  };
  const yOf = (panel, v) => {
    const share = (scale.to(v) - scale.to(bounds.low)) / (scale.to(bounds.high) - scale.to(bounds.low) || 1);
    return panel.y0 - Math.min(Math.max(share, -0.5), 1.04) * (panel.y0 - panel.y1);
  };
  function path(panel, y, grid, state) {
    const clock = xs(grid, state), points = [];
    y.forEach((v, i) => {
      if (state.logClock && clock[i] <= 0) return; // iteration 0 has no place on a log axis
      points.push(xOf(panel, clock[i], state), Number.isFinite(v) ? yOf(panel, v) : NaN);
    });
    return points;
  }
  const panelOf = (s) => (view.state.panel < 0 ? panels[0] : panels.find((p) => p.level === data.level(view.state.panel, s)));
  const inside = (g, panel) => {
    g.save();
    g.beginPath();
    g.rect(panel.x0 - 1, panel.y1 - 8, panel.x1 - panel.x0 + 4, panel.y0 - panel.y1 + 9);
    g.clip();
  };

  function axes(g, panel, state, loss) {
    const { muted, rule } = theme(), small = panels.length > 1, width = panel.x1 - panel.x0;
    for (const v of scaleTicks(scale, bounds.low, bounds.high, loss, state.logValue, small ? 4 : 5)) {
      line(g, [panel.x0, yOf(panel, v), panel.x1, yOf(panel, v)], rule, 0.8);
      text(g, short(v), panel.x0 - 6, yOf(panel, v), { align: "right" });
    }
    const powers = Array.from({ length: 12 }, (_, i) => 10 ** (i - 2)).filter((v) => v >= bounds.first * 0.7 && v <= bounds.last);
    const marks = state.logClock ? powers : ticks(0, bounds.last, Math.max(2, Math.floor(width / 80)));
    for (const v of marks) {
      const x = xOf(panel, v, state), words = short(v), half = g.measureText(words).width / 2;
      line(g, [x, panel.y0, x, panel.y0 + 4], muted, 1);
      text(g, words, Math.min(x, panel.x1 + RIGHT - half - 1), panel.y0 + 12, { align: "center" });
    }
    line(g, [panel.x0, panel.y1, panel.x0, panel.y0, panel.x1, panel.y0], muted, 1);
    if (panel.title) text(g, panel.title, panel.x0, panel.y1 - 10, { bold: true });
    const clock = data.clocks[state.clock].name;
    text(g, small ? clock.split(" (")[0] : clock, (panel.x0 + panel.x1) / 2, panel.y0 + 29, { align: "center", colour: muted });
  }

  function draw() {
    const { state, keep } = view;
    panels = layout(state);
    const g = it.onBase(), loss = data.metrics[state.metric].loss, { muted, bad } = theme();
    const order = data.ranked(state.metric).filter((s) => keep[s]);
    const all = order.filter((s) => data.meanCurve(s, state.metric) && panelOf(s));
    drawn = thin(all, view.moving ? FEW_CURVES : MOST_CURVES);
    scale = measure(loss, state.logValue);
    bounds = range(state, drawn, loss);
    for (const panel of panels) axes(g, panel, state, loss);
    const paint = painter(data, state);
    g.lineWidth = drawn.length < 40 ? 1.6 : 1;
    for (const panel of panels) {
      inside(g, panel);
      g.globalAlpha = Math.min(Math.max(9 / Math.sqrt(drawn.length / panels.length + 1), 0.2), 0.9);
      const bins = paint.colours.map(() => []);
      for (const s of drawn) if (panelOf(s) === panel) bins[paint.bin(s)].push(s);
      bins.forEach((some, bin) => {
        g.beginPath();
        for (const s of some) {
          const mean = data.meanCurve(s, state.metric);
          trace(g, path(panel, mean.y, mean.grid, state));
        }
        g.strokeStyle = paint.colours[bin];
        g.stroke();
      });
      g.restore();
    }
    let gone = 0;
    for (let run = 0; run < data.R && gone < MOST_GONE; run += 1) {
      const s = data.run_setting[run], panel = panelOf(s);
      if (data.run_status[run] !== 1 || !keep[s] || !panel || !data.hasCurve(run)) continue;
      gone += 1;
      inside(g, panel);
      line(g, path(panel, data.curve(run, state.metric), data.grid[run], state), bad, 0.9, [3, 3]);
      g.restore();
    }
    const some = drawn.length < all.length ? `${drawn.length} of ${all.length.toLocaleString("en")} settings, evenly by rank` : data.unit === "run" ? "every run" : `means over ${data.replicate}s`;
    if (panels.length === 1) text(g, `${data.metrics[state.metric].name}, ${some}${gone ? "; red: diverged" : ""}`, LEFT + 4, TOP - 12, { colour: muted });
    over();
  }

  function over() {
    const g = it.onOver(), { state, hover } = view, { ink, link } = theme();
    for (const [s, colour] of [[state.setting, ink], [hover, link]]) {
      const panel = s >= 0 && panelOf(s);
      if (!panel || (s === state.setting && hover === s && colour === ink)) continue;
      inside(g, panel);
      const runs = data.members[s].filter((run) => data.hasCurve(run));
      for (const run of runs) line(g, path(panel, data.curve(run, state.metric), data.grid[run], state), colour, 0.8);
      const mean = data.meanCurve(s, state.metric);
      if (mean) line(g, path(panel, mean.y, mean.grid, state), colour, 2.6);
      g.restore();
    }
  }

  function find(x, y) {
    let best = -1, least = NEAR;
    for (const s of drawn) {
      const panel = panelOf(s);
      if (x < panel.x0 || x > panel.x1 || y < panel.y1 - 8 || y > panel.y0 + 4) continue;
      const mean = data.meanCurve(s, view.state.metric), p = path(panel, mean.y, mean.grid, view.state);
      let i = 0;
      while (i + 4 < p.length && p[i + 2] < x) i += 2;
      const part = Math.min(Math.max((x - p[i]) / (p[i + 2] - p[i] || 1), 0), 1);
      const far = Math.abs(p[i + 1] + part * ((p[i + 3] ?? p[i + 1]) - p[i + 1]) - y);
      if (far < least) [best, least] = [s, far];
    }
    return best;
  }
  view.point(it.box, find);
  return { draw, over, stays: true };
}
