// The settings: sorted, filtered, by pages. The brushes of the other views leave the same ones.
import { number } from "draw";
import { make } from "make";

const ROWS = 8;

export function table(host, data, view) {
  const metric = (key) => data.metrics.findIndex((one) => one.key === key);
  const val = metric("val_accuracy"), order = data.ranked(val), rank = new Uint32Array(data.S);
  order.forEach((s, i) => { rank[s] = i + 1; });
  const mean = (key) => (s) => data.result(metric(key), s);
  const plain = (digits) => (value) => number(value, digits);
  // key, heading, its meaning, value of a setting, how it is written
  const columns = [
    ["rank", "rank", "by mean validation accuracy after the last iteration", (s) => rank[s], String],
    ["val_accuracy", "validation accuracy", `after the last iteration, mean over completed ${data.replicate}s`, mean("val_accuracy"), plain(4)],
    ...(data.unit === "run" ? [] : [["half", "±", `half the 95 % t interval of that mean over ${data.replicate}s`, (s) => data.half[s], plain(4)]]),
    ...data.knobs.map((knob, k) => [knob.key, knob.name, "", (s) => data.level(k, s), (level) => knob.texts[level]]),
    ...(data.unit === "run" ? [] : [["n", "n", `completed ${data.replicate}s`, (s) => data.n[s], String]]),
    ["train_accuracy", "training accuracy", "after the last iteration, mean", mean("train_accuracy"), plain(4)],
    ["gap", "gap", "training less validation accuracy", (s) => mean("train_accuracy")(s) - mean("val_accuracy")(s), plain(4)],
    ["val_loss", "validation loss", "after the last iteration, mean, nats", mean("val_loss"), plain(4)],
    ["best", "at best iteration", "validation accuracy at each run's best iteration, mean", (s) => data.best[s], plain(4)],
    ...["diverged", "failed"].filter((key) => data[key].some((n) => n > 0))
      .map((key) => [key, key, "runs", (s) => data[key][s], String]),
  ];
  const buttons = columns.map(([key, words, hint]) => make("button", { type: "button", title: hint || false, onclick: () => view.sort(key) }, words));
  const heads = buttons.map((button) => make("th", { scope: "col" }, button));
  const body = make("tbody"), said = make("p", { class: "note", role: "status" });
  const turn = (by) => make("button", { type: "button", onclick: () => view.set({ page: view.state.page + by }) }, by < 0 ? "previous" : "next");
  const [previous, next] = [turn(-1), turn(1)];
  const filter = make("input", { type: "search", placeholder: "250 tied lr>0.1 run=12", "aria-describedby": `${host.id}-filter` });
  filter.addEventListener("input", () => view.set({ query: filter.value, page: 0 }));
  host.append(
    make("div", { class: "controls" }, make("label", {}, "Filter ", filter),
      make("span", { class: "note", id: `${host.id}-filter` }, "values of knobs, “tied”, or comparisons such as lr>0.1, val_accuracy>=0.9, run=12")),
    make("div", { class: "table", tabindex: 0, role: "group", "aria-label": "All of them, scrolls sideways" },
      make("table", { id: `${host.id}-settings` }, make("thead", {}, make("tr", {}, ...heads)), body)),
    make("div", { class: "controls" }, previous, next, said),
  );
  body.addEventListener("pointerover", (event) => view.hoverOn(of(event)));
  body.addEventListener("pointerleave", () => view.hoverOn(-1));
  body.addEventListener("click", (event) => { if (of(event) >= 0) view.set({ setting: of(event) }); });
  const of = (event) => Number(event.target.closest("tr")?.dataset.setting ?? -1);

  function draw() {
    const { state, keep } = view;
    if (filter.value !== state.query) filter.value = state.query;
    const column = columns.find(([key]) => key === state.sort) || columns[0];
    const shown = order.filter((s) => keep[s]), key = column[3], sign = state.down ? -1 : 1;
    const late = (s) => Number.isNaN(key(s));
    shown.sort((a, b) => late(a) - late(b) || (late(a) ? 0 : sign * (key(a) - key(b))) || rank[a] - rank[b]);
    const pages = Math.max(Math.ceil(shown.length / ROWS), 1), page = Math.min(Math.max(state.page, 0), pages - 1);
    state.page = page;
    previous.disabled = page === 0;
    next.disabled = page === pages - 1;
    const place = page * ROWS;
    said.textContent = !shown.length ? "Nothing fits."
      : `${place + 1} to ${Math.min(place + ROWS, shown.length)} of ${shown.length.toLocaleString("en")}`
        + (shown.length < data.S ? ` (${data.S.toLocaleString("en")} in all)` : "");
    heads.forEach((head, i) => {
      const on = columns[i] === column;
      if (on) head.setAttribute("aria-sort", state.down ? "descending" : "ascending"); else head.removeAttribute("aria-sort");
    });
    body.replaceChildren(...shown.slice(place, place + ROWS).map((s) => {
      const cells = columns.map(([, , , value, write], i) => {
        if (i) return make("td", {}, write(value(s)));
        const choose = make("button", { type: "button", class: "row", "aria-label": `Choose ${data.unit} ${rank[s]}: ${data.name(s)}` }, String(rank[s]));
        const mark = data.unit === "run" ? "" : s === data.recommended ? " recommended" : data.tied[s] ? " tied" : "";
        return make("th", { scope: "row" }, choose, mark);
      });
      return make("tr", { "data-setting": s, class: s === state.setting ? "chosen-row" : false }, ...cells);
    }));
    over();
  }
  function over() {
    for (const row of body.rows) row.classList.toggle("hovered", Number(row.dataset.setting) === view.hover);
  }
  return { draw, over };
}
