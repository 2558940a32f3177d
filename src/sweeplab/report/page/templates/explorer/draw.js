// Canvases, colours, scales and axes that the views share.
const VIRIDIS = ["440154", "482878", "3e4989", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725"]
  .map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));
const WORDS = ["#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc", "#ca9161"];
const WORDS_DARK = ["#4fb0e8", "#de8f05", "#2cc79b", "#f0803c", "#cc78bc", "#ca9161"];
export const BINS = 12; // shades of a ramp: lines of one shade are drawn in one stroke
const SCHEME = matchMedia("(prefers-color-scheme: dark)");
let read = null;

export function onTheme(redraw) {
  SCHEME.addEventListener("change", () => { read = null; redraw(); });
}

export function theme() {
  if (!read) {
    const style = getComputedStyle(document.documentElement);
    read = Object.fromEntries(["page", "ink", "muted", "rule", "soft", "link", "bad", "grey"]
      .map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    read.dark = SCHEME.matches;
    read.font = `12px ${getComputedStyle(document.body).fontFamily}`;
    // The yellow end fades on white, the violet end on black.
    const [from, to] = read.dark ? [0.34, 1] : [0, 0.82];
    read.ramp = Array.from({ length: BINS }, (_, i) => viridis(from + (to - from) * i / (BINS - 1)));
    read.words = read.dark ? WORDS_DARK : WORDS;
  }
  return read;
}

function viridis(share) {
  const at = Math.min(Math.max(share, 0), 1) * (VIRIDIS.length - 1), i = Math.min(Math.floor(at), VIRIDIS.length - 2);
  const mix = VIRIDIS[i].map((value, c) => Math.round(value + (at - i) * (VIRIDIS[i + 1][c] - value)));
  return `rgb(${mix.join()})`;
}

// Two canvases, one above the other: what stays, and what follows the pointer.
export function stage(host, height, label) {
  const box = document.createElement("div");
  box.className = "stage";
  const [base, over] = [0, 1].map(() => box.appendChild(document.createElement("canvas")));
  base.setAttribute("role", "img");
  base.setAttribute("aria-label", label);
  over.setAttribute("aria-hidden", "true");
  host.append(box);
  const it = { box, base, over, w: 0, h: height };
  it.fit = () => {
    const w = box.clientWidth, ratio = devicePixelRatio || 1;
    if (w === it.w && it.ratio === ratio && it.h === it.drawn) return;
    Object.assign(it, { w, ratio, drawn: it.h });
    box.style.height = `${it.h}px`;
    for (const canvas of [base, over]) {
      canvas.width = Math.round(w * ratio);
      canvas.height = Math.round(it.h * ratio);
      canvas.style.cssText = `width:${w}px;height:${it.h}px`;
    }
  };
  const clear = (canvas) => {
    const g = canvas.getContext("2d");
    g.setTransform(it.ratio, 0, 0, it.ratio, 0, 0);
    g.clearRect(0, 0, it.w, it.h);
    g.font = theme().font;
    g.lineJoin = "round";
    return g;
  };
  it.onBase = () => { it.fit(); return clear(base); };
  it.onOver = () => { it.fit(); return clear(over); };
  return it;
}

export function text(g, words, x, y, { align = "left", colour = theme().ink, bold = false, base = "middle" } = {}) {
  g.font = bold ? `600 ${theme().font}` : theme().font;
  g.textAlign = align;
  g.textBaseline = base;
  g.fillStyle = colour;
  g.fillText(words, x, y);
}

// Text on a patch of the page's colour, where lines run behind it.
export function label(g, words, x, y, options = {}) {
  g.font = theme().font;
  const width = g.measureText(words).width + 6, align = options.align || "left";
  const left = align === "right" ? x - width + 3 : align === "center" ? x - width / 2 : x - 3;
  g.globalAlpha = 0.85;
  g.fillStyle = theme().page;
  g.fillRect(left, y - 8, width, 16);
  g.globalAlpha = 1;
  text(g, words, x, y, options);
}

export function line(g, points, colour, width = 1, dash = []) {
  g.beginPath();
  trace(g, points);
  g.setLineDash(dash);
  g.strokeStyle = colour;
  g.lineWidth = width;
  g.stroke();
  g.setLineDash([]);
}

// Adds [x0, y0, x1, y1, ...] to the path; a gap where a value is missing.
export function trace(g, points) {
  let open = false;
  for (let i = 0; i < points.length; i += 2) {
    if (!Number.isFinite(points[i + 1])) { open = false; continue; }
    if (open) g.lineTo(points[i], points[i + 1]); else g.moveTo(points[i], points[i + 1]);
    open = true;
  }
}

// How a metric's values stand on an axis: as they are; or by the logarithm, of the error for an
// accuracy, so that both good and poor ones are told apart.
export function measure(isLoss, log) {
  if (!log) return { to: (v) => v, from: (t) => t };
  if (isLoss) return { to: (v) => Math.log10(Math.max(v, 1e-8)), from: (t) => 10 ** t };
  return { to: (v) => -Math.log10(Math.max(1 - v, 1e-3)), from: (t) => 1 - 10 ** -t };
}

// Round values that divide the range from low to high, about so many.
export function ticks(low, high, about) {
  if (!(high > low)) return [low];
  const rough = (high - low) / about, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9) * step;
  const count = Math.floor((high - first) / step + 1e-6) + 1;
  return Array.from({ length: Math.max(count, 0) }, (_, i) => Number((first + i * step).toPrecision(12)));
}

// Values to write on an axis by logarithms: round ones, and as far apart as their labels need.
export function scaleTicks(scale, low, high, isLoss, log, about) {
  if (!log) return ticks(low, high, about);
  const marks = [1, 0.5, 0.2].flatMap((m) => [-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6].map((p) => m * 10 ** p));
  const values = isLoss ? marks : marks.map((error) => 1 - error).filter((v) => v >= 0);
  const inside = values.filter((v) => v >= low - 1e-9 && v <= high + 1e-9).sort((a, b) => a - b);
  const apart = (scale.to(high) - scale.to(low)) / (about + 1);
  const kept = [];
  for (const v of inside) if (!kept.length || scale.to(v) - scale.to(kept.at(-1)) >= apart) kept.push(v);
  return kept.length > 1 ? kept : ticks(low, high, 3);
}

export const short = (value) => {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 10000) return size >= 1e6 ? `${Number((value / 1e6).toPrecision(3))}M` : `${Number((value / 1e3).toPrecision(3))}k`;
  return size && size < 0.001 ? value.toExponential(0) : String(Number(value.toPrecision(4)));
};
export const number = (value, digits = 3) => (Number.isFinite(value) ? value.toFixed(digits) : "–");

// The colour of each setting by what the state says, and the shade's place in the ramp.
export function painter(data, state) {
  const { ramp, words, grey } = theme();
  if (state.colour >= 0) {
    const knob = data.knobs[state.colour], last = Math.max(knob.texts.length - 1, 1);
    return knob.words
      ? { bin: (s) => data.level(state.colour, s) % words.length, colours: words }
      : { bin: (s) => Math.round(data.level(state.colour, s) / last * (BINS - 1)), colours: ramp };
  }
  // By rank: a few poor settings would take the whole range of means.
  const order = data.ranked(state.metric), place = new Uint32Array(data.S);
  const done = order.filter((s) => Number.isFinite(data.result(state.metric, s))).length;
  order.forEach((s, i) => { place[s] = i; });
  return {
    bin: (s) => (place[s] >= done ? BINS : BINS - 1 - Math.floor(place[s] / Math.max(done, 1) * BINS)),
    colours: [...ramp, grey],
  };
}

// What the colours of a painter stand for: [colour, words].
export function keys(data, state) {
  const paint = painter(data, state), { ramp } = theme();
  if (state.colour < 0) return [[ramp[0], "lowest rank"], [ramp[Math.floor(BINS / 2)], "middle"], [ramp.at(-1), "highest rank"]];
  const knob = data.knobs[state.colour], step = Math.ceil(knob.texts.length / BINS), last = Math.max(knob.texts.length - 1, 1);
  return knob.texts.map((words, l) => [knob.words ? paint.colours[l % paint.colours.length] : ramp[Math.round(l / last * (BINS - 1))], words])
    .filter((_, l) => l % step === 0);
}
