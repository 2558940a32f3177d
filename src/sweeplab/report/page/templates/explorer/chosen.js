// The chosen setting: a slider a knob, its numbers, its runs with folders and commands, its model.
import { number } from "draw";
import { command, make, quoted } from "make";
import { model } from "model";

const MOST_RUNS = 12;

export function chosen(host, data, view) {
  const title = make("h4"), facts = make("p", { class: "facts" }), runs = make("tbody"), more = make("p", { class: "note" });
  const sliders = data.knobs.map((knob, k) => slider(knob, k, data, view));
  const picture = data.modelOf.size ? model(data) : null;
  const back = make("button", { type: "button", onclick: () => view.set({ setting: Math.max(data.recommended, 0) }) },
    data.unit === "setting" ? "Back to the recommended setting" : "Back to the middle run");
  host.append(make("div", { class: "chosen" },
    make("div", {},
      title, facts,
      make("div", { class: "sliders", role: "group", "aria-label": "Move one knob" }, ...sliders.map((one) => one.element)), back),
    ...(picture ? [picture.element] : []),
    make("div", { class: "runs", tabindex: 0, role: "group", "aria-label": "Runs of the chosen setting" },
      make("table", {},
        make("thead", {}, make("tr", {}, ...["run", "seed", ...(data.run_draw ? ["draw"] : []), "status", "validation accuracy", "training accuracy", "best iteration", "train it again"]
          .map((name) => make("th", { scope: "col" }, name)))), runs), more)));

  function draw() {
    const s = view.state.setting, { metrics } = data;
    title.textContent = data.name(s);
    const [trainLoss, trainAccuracy, valLoss, valAccuracy] = ["train_loss", "train_accuracy", "val_loss", "val_accuracy"]
      .map((key) => data.result(metrics.findIndex((metric) => metric.key === key), s));
    const half = Number.isFinite(data.half[s]) ? ` ± ${number(data.half[s])}` : "";
    const standing = s === data.recommended && data.unit === "setting" ? "The recommended setting. " : data.tied[s] ? "Could be the best. " : "";
    const lost = data.diverged[s] ? ` ${data.diverged[s]} of ${data.members[s].length} runs diverged.` : "";
    facts.textContent = data.n[s]
      ? `${standing}Validation accuracy ${number(valAccuracy)}${half}, loss ${number(valLoss)}; training accuracy ${number(trainAccuracy)}, `
        + `loss ${number(trainLoss)}${data.n[s] > 1 ? `; means over ${data.n[s]} ${data.replicate}s` : ""}.${lost}`
      : `No run of it came to the end.${lost}`;
    sliders.forEach((one) => one.draw(s));
    back.hidden = s === Math.max(data.recommended, 0);
    const value = (key, run) => number(data.runResult(metrics.findIndex((metric) => metric.key === key), run), 4);
    runs.replaceChildren(...data.members[s].slice(0, MOST_RUNS).map((run) => {
      const root = data.roots[data.run_root[run]], name = data.runs[run];
      const single = root.path.endsWith(`/${name}`) && data.R === 1;
      const path = single ? root.path : `${root.path}/${name}`;
      const link = make("a", { href: encodeURI(`${root.link}/${name}/`).replaceAll("#", "%23").replaceAll("?", "%3F"), title: "The run's folder" }, name);
      return make("tr", {}, make("th", { scope: "row" }, link), ...[
        data.run_seed[run], ...(data.run_draw ? [data.run_draw[run]] : []), data.status[data.run_status[run]], value("val_accuracy", run), value("train_accuracy", run),
        Number.isFinite(data.run_best[run]) ? data.run_best[run] : "–",
      ].map((cell) => make("td", {}, String(cell))), make("td", { class: "command" }, ...command(`sweeplab reproduce ${quoted(path)}`)));
    }));
    const left = data.members[s].length - MOST_RUNS;
    more.replaceChildren(left > 0 ? `${left} more in runs.csv. ` : "", "A run's folder has its curves, weights and configuration; figures as files are in ", make("a", { href: "figures/" }, "figures/"), ".");
    picture?.draw(s);
  }
  return { draw };
}

function slider(knob, k, data, view) {
  const words = make("output"), range = make("input", {
    type: "range", min: 0, max: knob.texts.length - 1, step: 1, "aria-label": knob.name,
    oninput: () => view.set({ setting: data.moved(view.state.setting, k, Number(range.value)) }),
  });
  range.disabled = knob.texts.length < 2;
  return {
    element: make("label", {}, make("span", {}, knob.name), range, words),
    draw(s) {
      const level = data.level(k, s);
      range.value = level;
      range.setAttribute("aria-valuetext", knob.texts[level]);
      words.textContent = knob.texts[level];
    },
  };
}
