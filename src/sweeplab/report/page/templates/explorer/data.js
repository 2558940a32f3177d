// Reads what explorer.py packed: settings, runs, curves and models in typed arrays.
const TYPES = {
  int8: Int8Array, uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, float32: Float32Array,
};
const MISSING = 65535;

export async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const buffer = await new Response(stream).arrayBuffer();
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const arrays = {};
  for (const [name, [type, place, size]] of Object.entries(header.arrays)) {
    arrays[name] = new TYPES[type](buffer, 4 + length + place, size);
  }
  return sweepOf(header, arrays);
}

// S settings, R runs; a metric, a knob and a setting go by their places in the arrays.
function sweepOf(header, arrays) {
  const S = arrays.n.length, R = header.runs.length, points = header.points;
  const members = Array.from({ length: S }, () => []);
  arrays.run_setting.forEach((setting, run) => members[setting].push(run));
  const [low, high] = arrays.loss_range;
  const span = Math.log(high / low), means = new Map(), ranks = new Map();

  const level = (knob, setting) => arrays.levels[knob * S + setting];
  const decode = (metric, stored) =>
    stored === MISSING ? NaN
      : header.metrics[metric].loss ? low * Math.exp(span * stored / (MISSING - 1)) : stored / (MISSING - 1);

  // A run's values of a metric, one for each point of its grid.
  const curve = (run, metric) => {
    const start = (run * header.metrics.length + metric) * points;
    const size = header.grids.length ? header.grids[arrays.grid[run]].iteration.length : 0;
    return Float32Array.from({ length: size }, (_, i) => decode(metric, arrays.curve[start + i]));
  };

  // The mean over a setting's completed runs, and what its runs have in common; null without any.
  const meanCurve = (setting, metric) => {
    const key = setting * header.metrics.length + metric;
    if (!means.has(key)) {
      const runs = members[setting].filter((run) => arrays.run_status[run] === 0 && hasCurve(run));
      const curves = runs.filter((run) => arrays.grid[run] === arrays.grid[runs[0]])
        .map((run) => curve(run, metric));
      means.set(key, !curves.length ? null : {
        grid: arrays.grid[runs[0]],
        y: curves[0].map((_, i) => curves.reduce((sum, one) => sum + one[i], 0) / curves.length),
      });
    }
    return means.get(key);
  };
  const hasCurve = (run) => arrays.curve[run * header.metrics.length * points] !== MISSING;

  const name = (setting) => header.knobs
    .map((knob, k) => `${knob.short} = ${knob.texts[level(k, setting)]}`).join(", ");
  const byLevels = new Map();
  for (let s = 0; s < S; s += 1) byLevels.set(header.knobs.map((_, k) => level(k, s)).join(), s);

  // The setting with one knob moved; where it was not trained, the nearest one that was.
  const moved = (setting, knob, to) => {
    const wanted = header.knobs.map((_, k) => (k === knob ? to : level(k, setting)));
    const exact = byLevels.get(wanted.join());
    if (exact !== undefined) return exact;
    let best = setting, least = Infinity;
    for (let s = 0; s < S; s += 1) {
      if (level(knob, s) !== to) continue;
      const far = wanted.reduce((sum, want, k) => sum + Math.abs(want - level(k, s)), 0);
      if (far < least) [best, least] = [s, far];
    }
    return best;
  };
  const modelOf = new Map();
  (arrays.model_run || []).forEach((run, i) => modelOf.set(arrays.run_setting[run], i));

  return {
    ...header, ...arrays, S, R, members, level, name, moved, curve, hasCurve, meanCurve, modelOf,
    result: (metric, setting) => arrays.mean[metric * S + setting],
    runResult: (metric, run) => arrays.run_final[metric * R + run],
    setting: (levels) => byLevels.get(levels.join()),
    // The settings in order of a metric's mean, the best first, those without a result last.
    ranked: (metric) => {
      if (ranks.has(metric)) return ranks.get(metric);
      const sign = header.metrics[metric].loss ? 1 : -1;
      const value = (s) => { const v = arrays.mean[metric * S + s]; return Number.isNaN(v) ? Infinity : sign * v; };
      ranks.set(metric, Array.from({ length: S }, (_, s) => s).sort((a, b) => (value(a) - value(b)) || a - b));
      return ranks.get(metric);
    },
  };
}
