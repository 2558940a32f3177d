// Parallel coordinates: a setting is a line through all knobs to its result. An axis is brushed by
// dragging along it, or with the arrow keys.
import { label, line, measure, number, painter, scaleTicks, stage, text, theme, trace } from "draw";

const TOP = 30, BOTTOM = 16, RIGHT = 62, HEIGHT = 250, APART = 0.02, NEAR = 9;
export const MOST_LINES = 2500; // active ones, beyond which evenly ranked ones stand for all
const FEW_LINES = 400; // the same while a brush is dragged: the rest come when it rests
const MOST_TICKS = 9;

export function parallel(host, data, view) {
  const it = stage(host, HEIGHT, "Parallel coordinates: every setting as a line through all knobs");
  const axes = data.knobs.length + 1, last = axes - 1;
  // Room for the values of the first knob, some of which are words.
  const longest = Math.max(0, ...data.knobs[0].ticks.map((tick) => tick.length));
  const LEFT = Math.min(Math.max(58, 16 + 7 * longest), 114);
  const handles = Array.from({ length: axes }, (_, a) => handle(it.box, data, view, a, last, { shareOf, valueOf, yOf, valueAt }));
  let scale, low, high, drawn = [], grey = null, greyKey = "", greyLines = 0;

  function xOf(a) { return LEFT + a * (it.w - LEFT - RIGHT) / last; }
  // How far up its axis a level or a result stands, from 0 to 1, and back.
  function shareOf(a, value) {
    if (a < last) return data.knobs[a].texts.length > 1 ? value / (data.knobs[a].texts.length - 1) : 0.5;
    return high > low ? (scale.to(value) - scale.to(low)) / (scale.to(high) - scale.to(low)) : 1;
  }
  function valueOf(a, share) {
    if (a < last) return share * (data.knobs[a].texts.length - 1);
    return scale.from(scale.to(low) + share * (scale.to(high) - scale.to(low)));
  }
  function yOf(a, value) { return TOP + (1 - shareOf(a, value)) * (it.h - TOP - BOTTOM); }
  function valueAt(a, y) {
    return valueOf(a, Math.min(Math.max(1 - (y - TOP) / (it.h - TOP - BOTTOM), 0), 1));
  }
  const points = (s) => {
    const all = [];
    for (let a = 0; a < axes; a += 1) {
      const value = a < last ? data.level(a, s) : data.result(view.state.metric, s);
      // Moved apart a little, always in the same way, so that lines do not hide one another.
      const off = a < last ? (((s * 0.6180339887 + a * 0.37) % 1) - 0.5) * 2 * APART * (it.h - TOP - BOTTOM) : 0;
      all.push(xOf(a), yOf(a, value) + off);
    }
    return all;
  };

  function strokes(g, settings, paint, alpha, width) {
    const bins = paint.colours.map(() => []);
    for (const s of settings) bins[paint.bin(s)].push(s);
    g.globalAlpha = alpha;
    g.lineWidth = width;
    bins.forEach((some, bin) => {
      if (!some.length) return;
      g.beginPath();
      for (const s of some) trace(g, points(s));
      g.strokeStyle = paint.colours[bin];
      g.stroke();
    });
    g.globalAlpha = 1;
  }

  function draw() {
    const { state, keep } = view, g = it.onBase(), { muted, ink } = theme();
    const isLoss = data.metrics[state.metric].loss;
    scale = measure(isLoss, true);
    [low, high] = range(data, state.metric);
    const order = data.ranked(state.metric), kept = order.filter((s) => keep[s]);
    drawn = thin(kept, view.moving ? FEW_LINES : MOST_LINES);
    if (kept.length < data.S) {
      // What is left out stays as a grey ground, which no brush changes.
      const key = [it.w, it.ratio, state.metric, theme().dark].join(), most = view.moving ? FEW_LINES : MOST_LINES / 2;
      if (key !== greyKey || most > greyLines) {
        grey = document.createElement("canvas");
        Object.assign(grey, { width: it.base.width, height: it.base.height });
        const ground = grey.getContext("2d");
        ground.setTransform(it.ratio, 0, 0, it.ratio, 0, 0);
        strokes(ground, thin(order, most), { bin: () => 0, colours: [theme().grey] }, fade(data.S) / 2, 0.8);
        [greyKey, greyLines] = [key, most];
      }
      g.drawImage(grey, 0, 0, it.w, it.h);
    }
    strokes(g, drawn.toReversed(), painter(data, state), fade(drawn.length), drawn.length < 40 ? 1.5 : 1);
    for (let a = 0; a < axes; a += 1) {
      line(g, [xOf(a), TOP, xOf(a), it.h - BOTTOM], muted, 1);
      const name = a < last ? data.knobs[a].name : data.metrics[state.metric].name;
      const align = a === 0 ? "left" : a === last ? "right" : "center";
      const crowded = it.w / axes < 130;
      text(g, crowded && a < last ? data.knobs[a].short : crowded ? "result" : name,
        a === 0 ? 4 : a === last ? it.w - 2 : xOf(a), 10, { align, bold: true });
      if (a < last) {
        const values = data.knobs[a].ticks, step = Math.ceil(values.length / MOST_TICKS);
        for (let l = 0; l < values.length; l += step) label(g, values[l], xOf(a) - 7, yOf(a, l), { align: "right" });
      } else {
        for (const v of scaleTicks(scale, low, high, isLoss, true, 7)) label(g, number(v, 2), xOf(a) + 7, yOf(a, v), { colour: ink });
      }
      handles[a].place(xOf(a), TOP, it.h - TOP - BOTTOM);
    }
    over();
  }

  function over() {
    const g = it.onOver(), { link, ink } = theme(), { state, hover } = view;
    line(g, points(state.setting), ink, 2.6);
    if (hover >= 0 && hover !== state.setting) line(g, points(hover), link, 2.6);
  }

  function find(x, y) {
    const gap = (it.w - LEFT - RIGHT) / last, a = Math.min(Math.max(Math.floor((x - LEFT) / gap), 0), last - 1);
    const part = Math.min(Math.max((x - xOf(a)) / gap, 0), 1);
    let best = -1, least = NEAR;
    for (const s of drawn) {
      const p = points(s), far = Math.abs(p[2 * a + 1] * (1 - part) + p[2 * a + 3] * part - y);
      if (far < least) [best, least] = [s, far];
    }
    return best;
  }
  view.point(it.box, find);
  return { draw, over, stays: true };
}

// The lowest and the highest mean of a metric.
function range(data, metric) {
  let low = Infinity, high = -Infinity;
  for (let s = 0; s < data.S; s += 1) {
    const v = data.result(metric, s);
    if (Number.isFinite(v)) [low, high] = [Math.min(low, v), Math.max(high, v)];
  }
  return low <= high ? [low, high] : [0, 1];
}

const fade = (count) => Math.min(Math.max(9 / Math.sqrt(count + 1), 0.12), 0.85);

export function thin(list, most) {
  if (list.length <= most) return list;
  const step = (list.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, i) => list[Math.round(i * step)]);
}

// The brush of an axis: a band to drag, and a slider for the keyboard.
function handle(box, data, view, a, last, { shareOf, valueOf, yOf, valueAt }) {
  const one = document.createElement("div"), band = document.createElement("div");
  const key = a < last ? a : "result", knob = data.knobs[a];
  const steps = a < last ? Math.max(knob.texts.length - 1, 1) : 20;
  one.className = "brush";
  one.tabIndex = 0;
  one.setAttribute("role", "slider");
  one.setAttribute("aria-orientation", "vertical");
  one.title = "Drag along the axis to keep a range. Double-click, or Escape, lets it go.";
  band.className = "band";
  one.append(band);
  box.append(one);
  const set = (range) => view.brush(key, range);
  const between = (y0, y1) => {
    const [low, high] = [Math.max(y0, y1), Math.min(y0, y1)].map((y) => valueAt(a, y));
    if (a === last) return [low, high];
    const [first, end] = [Math.ceil(low - 0.25), Math.floor(high + 0.25)];
    return first <= end ? [first, end] : [Math.round((low + high) / 2), Math.round((low + high) / 2)];
  };

  let from = null;
  const y = (event) => event.clientY - box.getBoundingClientRect().top;
  one.addEventListener("pointerdown", (event) => {
    one.setPointerCapture(event.pointerId);
    from = y(event);
  });
  one.addEventListener("pointermove", (event) => {
    if (from === null || Math.abs(y(event) - from) <= 4) return;
    view.moving = true;
    set(between(from, y(event)));
  });
  for (const end of ["pointerup", "pointercancel"]) one.addEventListener(end, () => { from = null; view.rest(); });
  one.addEventListener("dblclick", () => set(null));

  one.addEventListener("keydown", (event) => {
    const up = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1 }[event.key];
    if (event.key !== "Escape" && event.key !== "Delete" && !up) return;
    event.preventDefault();
    if (!up) return set(null);
    const now = view.state.brush[key]?.map((value) => Math.round(shareOf(a, value) * steps));
    const end = up > 0 ? steps : 0;
    // Shift moves the upper end alone.
    const [low, high] = now ? [now[0] + (event.shiftKey ? 0 : up), now[1] + up] : [end, end];
    if (low >= 0 && low <= high && high <= steps) set([low, high].map((step) => valueOf(a, step / steps)).map(whole));
  });
  const whole = (value) => (a < last ? Math.round(value) : value);

  const place = (x, top, height) => {
    one.style.cssText = `left:${x - 14}px;top:${top - 6}px;height:${height + 12}px`;
    const range = view.state.brush[key], said = a < last ? (v) => knob.texts[v] : (v) => number(v);
    const name = a < last ? knob.name : data.metrics[view.state.metric].name;
    const says = {
      label: `Range of ${name}`, valuemin: 0, valuemax: steps,
      valuenow: range ? Math.round(shareOf(a, range[1]) * steps) : steps,
      valuetext: range ? `${said(range[0])} to ${said(range[1])}` : "all values",
    };
    for (const [what, value] of Object.entries(says)) one.setAttribute(`aria-${what}`, value);
    band.hidden = !range;
    if (!range) return;
    const [low, high] = range.map((value) => yOf(a, value)), room = a < last ? 9 : 1;
    band.style.cssText = `top:${high - top + 6 - room}px;height:${low - high + 2 * room}px`;
  };
  return { place };
}
