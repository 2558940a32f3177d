// The middle run's weights of each class as pictures, and which classes it confuses.
import { number, stage, text, theme } from "draw";
import { make } from "make";

const TITLE = 15, GAP = 5, MOST_ROWS = 3;
const RED = [178, 24, 43], BLUE = [33, 102, 172];

// A letter is about 6.5 pixels wide; a class may have a name of any length.
const shortened = (name, pixels) => name.length * 6.5 <= pixels ? name : `${name.slice(0, Math.max(Math.floor(pixels / 6.5) - 1, 1))}…`;

export function model(data) {
  const [height, width, colours = 1] = data.shape || [0, 0], C = data.classes.length, D = height * width * colours;
  const seen = make("div"), confused = make("div"), words = make("p", { class: "note" });
  const element = make("div", { class: "model" }, seen, confused, words);
  const long = Math.max(...data.classes.map((name) => name.length)) > 3;
  let pictures = null, table = null;

  function draw(s) {
    if (data.template) pictures ??= stage(seen, 10, "The weights of each class as a picture");
    table ??= stage(confused, 10, `Confusion matrix of the validation ${data.examples}`);
    const at = data.modelOf.get(s);
    seen.hidden = at === undefined || !data.template;
    confused.hidden = at === undefined;
    if (at === undefined) {
      words.textContent = "No model of this setting is kept in the page: no run of it completed, or there are too many to keep. "
        + "Its weights are in the folders of its runs.";
      return;
    }
    const run = data.model_run[at], counts = data.confusion.subarray(at * C * C, (at + 1) * C * C);
    const total = counts.reduce((sum, n) => sum + n, 0);
    const right = data.classes.reduce((sum, _, c) => sum + counts[c * C + c], 0);
    confused.hidden = total === 0;
    words.textContent = `Run ${data.runs[run]}${data.members[s].length > 1 ? ", the middle one of the seeds" : ""}. `
      + (!data.template ? "" : `${colours === 1 ? "Red pixels speak for a class, blue ones against it" : "Grey pixels do not matter"}; `
        + `the largest weight is ${Number(data.largest[at].toPrecision(2))}. `)
      + (total ? `Right: ${right} of ${total} (${number(right / total)}); a row is the true class, a column the predicted one.` : "");
    if (data.template) templates(at);
    if (total) confusion(counts);
  }

  function templates(at) {
    const columns = C <= 10 ? 5 : Math.ceil(C / MOST_ROWS), rows = Math.ceil(C / columns);
    const side = Math.min(Math.floor(pictures.box.clientWidth / columns) - GAP, 96);
    pictures.h = rows * (side * height / width + TITLE + GAP);
    const g = pictures.onBase();
    g.imageSmoothingEnabled = false;
    for (let c = 0; c < C; c += 1) {
      const x = (c % columns) * (side + GAP), y = Math.floor(c / columns) * (side * height / width + TITLE + GAP);
      text(g, shortened(data.classes[c], side + GAP), x + side / 2, y + TITLE / 2, { align: "center" });
      g.drawImage(picture(data.template.subarray((at * C + c) * D, (at * C + c + 1) * D)), x, y + TITLE, side, side * height / width);
    }
  }

  function picture(weights) {
    const canvas = new OffscreenCanvas(width, height), g = canvas.getContext("2d"), image = g.createImageData(width, height);
    const zero = theme().dark ? [38, 45, 54] : [247, 247, 247];
    if (colours === 3) image.data.forEach((_, i) => { image.data[i] = i % 4 === 3 ? 255 : 128 + 127 * weights[3 * (i >> 2) + i % 4] / data.steps; });
    else weights.forEach((weight, i) => {
      const share = Math.abs(weight) / data.steps, end = weight > 0 ? RED : BLUE;
      for (let c = 0; c < 3; c += 1) image.data[4 * i + c] = zero[c] + share ** 0.8 * (end[c] - zero[c]);
      image.data[4 * i + 3] = 255;
    });
    g.putImageData(image, 0, 0);
    return canvas;
  }

  function confusion(counts) {
    const margin = long ? 78 : 26, side = Math.min(Math.floor((table.box.clientWidth - margin - 2) / C), 30);
    table.h = side * C + margin;
    const g = table.onBase(), { ink, muted, rule } = theme(), most = Math.max(6, ...counts.filter((_, i) => i % (C + 1)));
    for (let i = 0; i < C; i += 1) {
      text(g, shortened(data.classes[i], margin - 8), margin - 5, 2 + side * (i + 0.5), { align: "right", colour: muted });
      g.save();
      g.translate(margin + side * (i + 0.5), side * C + 6);
      if (long) g.rotate(-Math.PI / 2);
      text(g, shortened(data.classes[i], margin - 8), 0, long ? 0 : 8, { align: long ? "right" : "center", colour: muted });
      g.restore();
      for (let j = 0; j < C; j += 1) {
        const n = counts[i * C + j], x = margin + side * j, y = 2 + side * i;
        if (n && i !== j) {
          g.globalAlpha = 0.15 + 0.75 * n / most;
          g.fillStyle = "#d55e00";
          g.fillRect(x, y, side - 1, side - 1);
          g.globalAlpha = 1;
        }
        g.strokeStyle = i === j ? muted : rule;
        g.lineWidth = 1;
        g.strokeRect(x - 0.5, y - 0.5, side, side);
        if (n && side > 13) text(g, String(n), x + side / 2, y + side / 2, { align: "center", colour: ink, bold: i === j });
      }
    }
  }
  return { element, draw };
}
