// The explorer: views of one sweep that show the same settings, the same one hovered and chosen.
import { chosen } from "chosen";
import { curves } from "curves";
import { unpack } from "data";
import { keys, number, onTheme } from "draw";
import { choice, make, tick } from "make";
import { MOST_LINES, parallel } from "parallel";
import { scatter } from "scatter";
import { active, fromHash, toHash } from "state";
import { table } from "table";

export async function explore(host) {
  const data = await unpack(host.querySelector("script").textContent);
  const { state, asked } = fromHash(host.id, data, location.hash);
  const tip = make("div", { class: "tip", hidden: true }), views = [];
  const view = { state, keep: active(data, state), hover: -1, moving: false };
  let queued = false, whole = false, saving = 0;

  // Another choice of a setting moves what lies above the lines and points, and not these.
  const redraw = (all = true) => {
    whole ||= all;
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => {
      for (const one of views) if (whole || !one.stays) one.draw(); else one.over();
      if (whole) controls.draw();
      queued = whole = false;
      host.dataset.drawn = Number(host.dataset.drawn || 0) + 1;
    });
  };
  view.set = (changes) => {
    Object.assign(state, changes);
    const all = Object.keys(changes).some((key) => key !== "setting");
    if (all) view.keep = active(data, state);
    redraw(all);
    clearTimeout(saving); // a browser refuses a hundred changes of the address in a moment
    saving = setTimeout(() => history.replaceState(null, "", toHash(host.id, data, state) || location.pathname + location.search), 200);
  };
  view.rest = () => {
    if (view.moving) { view.moving = false; redraw(); }
  };
  view.brush = (axis, range) => {
    const brush = { ...state.brush };
    if (range) brush[axis] = range; else delete brush[axis];
    view.set({ brush, page: 0 });
  };
  view.sort = (key) => view.set({ down: state.sort === key ? !state.down : !["rank"].includes(key) && !data.knobs.some((k) => k.key === key), sort: key, page: 0 });
  view.hoverOn = (setting) => {
    if (setting === view.hover) return;
    view.hover = setting;
    for (const one of views) one.over?.();
  };
  // What lies under the pointer is named and highlighted everywhere; a click chooses it.
  view.point = (box, find) => {
    const at = (event) => {
      const edge = box.getBoundingClientRect();
      return find(event.clientX - edge.left, event.clientY - edge.top);
    };
    box.addEventListener("pointermove", (event) => {
      const setting = at(event);
      view.hoverOn(setting);
      tip.hidden = setting < 0;
      if (setting < 0) return;
      const half = Number.isFinite(data.half[setting]) ? ` ± ${number(data.half[setting])}` : "";
      tip.textContent = `${data.name(setting)}: ${data.metrics[state.metric].name} ${number(data.result(state.metric, setting))}`
        + (data.metrics[state.metric].key === "val_accuracy" ? half : "");
      const edge = host.getBoundingClientRect(), width = Math.min(tip.offsetWidth, edge.width);
      tip.style.left = `${Math.min(event.clientX - edge.left + 12, edge.width - width)}px`;
      tip.style.top = `${event.clientY - edge.top + 16}px`;
    });
    box.addEventListener("pointerleave", () => { view.hoverOn(-1); tip.hidden = true; });
    box.addEventListener("click", (event) => {
      const setting = at(event);
      if (setting >= 0) view.set({ setting });
    });
  };

  const controls = bar(data, view);
  const block = (words, ...more) => make("div", { class: "view" }, make("div", { class: "head" }, make("h3", {}, words), ...more));
  const lines = block(data.unit === "run" ? "All runs" : "All settings through all knobs"), cloud = block(data.unit === "run" ? "Result against the seed" : "Result against a knob", ...(data.knobs.length > 1 ? [controls.x] : []));
  const course = block("Learning curves"), one = block(`The chosen ${data.unit}`), list = block(data.unit === "run" ? "Runs" : "Settings");
  list.id = `${host.id}-table`;
  host.append(controls.element, lines, make("div", { class: "two" }, cloud, course), one, list, tip);
  host.hidden = false;
  views.push(parallel(lines, data, view), scatter(cloud, data, view), curves(course, data, view), chosen(one, data, view), table(list, data, view));
  redraw();
  onTheme(() => redraw());
  new ResizeObserver(() => redraw()).observe(host);
  addEventListener("hashchange", () => {
    const next = fromHash(host.id, data, location.hash);
    if (next.asked) view.set(next.state);
  });
  if (asked) document.getElementById(host.id).scrollIntoView();
}

function bar(data, view) {
  const knobs = data.knobs.map((knob, k) => [k, knob.name]), pick = (name) => (value) => view.set({ [name]: Number(value) });
  const parts = {
    metric: choice("Result", data.metrics.map((metric, m) => [m, metric.name]), (value) => {
      const brush = { ...view.state.brush };
      delete brush.result; // the range of another metric says nothing of this one
      view.set({ metric: Number(value), brush });
    }),
    colour: choice("Colour", [[-1, "result, by rank"], ...knobs], pick("colour")),
    panel: choice("Curves", [[-1, "in one panel"], ...knobs.map(([k, name]) => [k, `by ${name}`])], pick("panel")),
    clock: choice("against", data.clocks.map((clock, c) => [c, clock.name.split(" (")[0]]), pick("clock")),
  };
  const logClock = tick("log time", (on) => view.set({ logClock: on }));
  const logValue = tick("log result", (on) => view.set({ logValue: on }));
  const x = choice("Knob", knobs, pick("x"));
  const clear = make("button", { type: "button", onclick: () => view.set({ brush: {}, query: "", page: 0 }) }, `Show all ${data.unit}s`);
  const send = make("button", { type: "button", onclick: async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      send.textContent = "copied";
    } catch { send.textContent = "it is in the address bar"; }
    setTimeout(() => { send.textContent = "Copy link to this view"; }, 1500);
  } }, "Copy link to this view");
  const said = make("p", { class: "note", role: "status" });
  const legend = make("ul", { class: "legend", "aria-label": "Colours" });
  const element = make("div", { class: "bar" }, make("div", { class: "controls", role: "group", "aria-label": "What is shown" },
    ...Object.values(parts).map((part) => part.element), logClock.element, logValue.element, clear, send), said, legend);
  return {
    element,
    x: x.element,
    draw() {
      const { state, keep } = view, shown = keep.reduce((sum, one) => sum + one, 0);
      for (const [name, part] of Object.entries(parts)) part.select.value = state[name];
      x.select.value = state.x;
      legend.replaceChildren(...keys(data, state).map(([colour, words]) =>
        make("li", {}, make("span", { class: "swatch", style: `background:${colour}` }), words)));
      logClock.box.checked = state.logClock;
      logValue.box.checked = state.logValue;
      clear.hidden = shown === data.S && !state.query && !Object.keys(state.brush).length;
      said.textContent = `${shown === data.S ? "All" : `${shown.toLocaleString("en")} of`} ${data.S.toLocaleString("en")} ${data.unit}s. `
        + `Point at a line or point to name its ${data.unit}, click to choose it. Drag along an axis to keep a range.`
        + (shown > MOST_LINES ? ` Lines through all knobs are drawn of ${MOST_LINES.toLocaleString("en")}, evenly by rank.` : "");
    },
  };
}
