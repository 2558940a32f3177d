// What is shown, in one object, and in the URL's fragment: #KEY?metric=val_loss&...
export function initial(data) {
  return {
    metric: data.metrics.findIndex((metric) => metric.key === "val_accuracy"),
    colour: -1, // a knob, or -1: the result
    x: data.about,
    panel: -1, // a knob, or -1: all in one
    clock: data.clock,
    logClock: false,
    logValue: false,
    brush: {}, // by axis: [from, to], levels of a knob; values of the result under "result"
    setting: Math.max(data.recommended, 0),
    query: "",
    sort: "rank",
    down: false,
    page: 0,
  };
}

const SEP = "~";

export function toHash(key, data, state) {
  const first = initial(data), words = new URLSearchParams();
  const put = (name, value, usual) => { if (value !== usual) words.set(name, value); };
  const knob = (place) => (place < 0 ? "" : data.knobs[place].key);
  put("metric", data.metrics[state.metric].key, data.metrics[first.metric].key);
  put("colour", knob(state.colour), "");
  put("x", knob(state.x), knob(first.x));
  put("panel", knob(state.panel), "");
  put("clock", data.clocks[state.clock].key, data.clocks[first.clock].key);
  put("log", `${state.logClock ? "clock" : ""}${state.logValue ? "value" : ""}`, "");
  for (const [axis, [from, to]] of Object.entries(state.brush)) {
    const name = axis === "result" ? axis : data.knobs[axis].key;
    const ends = axis === "result" ? [from, to].map((v) => v.toPrecision(5)) : [from, to].map((l) => data.knobs[axis].texts[l]);
    words.append("only", [name, ...ends].join(SEP));
  }
  const names = (s) => data.knobs.map((one, k) => one.texts[data.level(k, s)]).join(SEP);
  put("setting", names(state.setting), names(first.setting));
  put("filter", state.query, "");
  put("sort", `${state.down ? "-" : ""}${state.sort}`, "rank");
  const said = words.toString();
  return said ? `#${key}?${said}` : "";
}

// The state that a fragment names; what it does not name, or names wrongly, is as at first.
export function fromHash(key, data, hash) {
  const state = initial(data), [named, said] = hash.replace(/^#/, "").split("?");
  if (named !== key || said === undefined) return { state, asked: false };
  const words = new URLSearchParams(said);
  const find = (list, name, usual) => {
    const place = list.findIndex((one) => one.key === words.get(name));
    return place < 0 ? usual : place;
  };
  state.metric = find(data.metrics, "metric", state.metric);
  state.clock = find(data.clocks, "clock", state.clock);
  for (const name of ["colour", "x", "panel"]) state[name] = find(data.knobs, name, state[name]);
  state.logClock = (words.get("log") || "").includes("clock");
  state.logValue = (words.get("log") || "").includes("value");
  for (const one of words.getAll("only")) {
    const [name, ...ends] = one.split(SEP);
    const k = data.knobs.findIndex((knob) => knob.key === name);
    const range = ends.map((end) => (k < 0 ? Number(end) : data.knobs[k].texts.indexOf(end)));
    if (range.length !== 2 || range.some((end) => Number.isNaN(end) || (k >= 0 && end < 0))) continue;
    if (k >= 0 || name === "result") state.brush[k < 0 ? "result" : k] = range;
  }
  const levels = (words.get("setting") || "").split(SEP)
    .map((value, k) => (data.knobs[k] ? data.knobs[k].texts.indexOf(value) : -1));
  state.setting = data.setting(levels) ?? state.setting;
  state.query = words.get("filter") || "";
  const sort = words.get("sort") || "rank";
  state.down = sort.startsWith("-");
  state.sort = sort.replace(/^-/, "");
  return { state, asked: true };
}

// Which settings the brushes and the filter leave: 1 or 0 each.
export function active(data, state) {
  const keep = new Uint8Array(data.S), fits = query(data, state.query);
  const brushes = Object.entries(state.brush);
  for (let s = 0; s < data.S; s += 1) {
    keep[s] = brushes.every(([axis, [from, to]]) => {
      const at = axis === "result" ? data.result(state.metric, s) : data.level(Number(axis), s);
      return at >= from && at <= to;
    }) && fits(s) ? 1 : 0;
  }
  return keep;
}

// A filter's words, all of which must fit: a value of a knob (250 is not 0.0250), "tied",
// "diverged", or a comparison such as lr>0.1, batch=64, val_accuracy>=0.9, run=12, seed=3.
function query(data, words) {
  const tests = words.trim().toLowerCase().split(/\s+/).filter(Boolean).map((word) => {
    const [, name, sign, value] = /^([^<>=]+)(<=|>=|=|<|>)(.+)$/.exec(word) || [];
    if (sign) return compare(data, name, sign, value);
    if (word === "tied") return (s) => data.tied[s] === 1;
    if (word === "recommended") return (s) => s === data.recommended;
    if (word === "diverged" || word === "failed") return (s) => data[word][s] > 0;
    return (s) => data.knobs.some((knob, k) => same(knob, data.level(k, s), word));
  });
  return (s) => tests.every((test) => test(s));
}

const same = (knob, level, word) =>
  knob.texts[level].toLowerCase() === word || (word !== "" && knob.values[level] === Number(word));

function compare(data, name, sign, value) {
  const by = (a, b) => ({ "<": a < b, ">": a > b, "<=": a <= b, ">=": a >= b, "=": a === b })[sign];
  if (name === "run") return (s) => data.members[s].some((run) => data.runs[run].toLowerCase() === value);
  if (name === "seed") return (s) => data.members[s].some((run) => by(data.run_seed[run], Number(value)));
  const metric = data.metrics.findIndex((one) => one.key === name || one.name.replaceAll(" ", "_") === name);
  if (metric >= 0) return (s) => by(data.result(metric, s), Number(value));
  const k = data.knobs.findIndex((knob) => [knob.key, knob.short, knob.name.replaceAll(" ", "_"), knob.key.split(".").at(-1)]
    .some((one) => one.toLowerCase() === name));
  if (k < 0) return () => false;
  const knob = data.knobs[k];
  if (sign === "=") return (s) => same(knob, data.level(k, s), value);
  return (s) => by(Number(knob.values[data.level(k, s)]), Number(value));
}
