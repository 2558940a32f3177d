// Elements made in one call: make("td", { class: "n" }, "text", child).
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

// A labelled choice among [value, words].
export function choice(words, options, onchange) {
  const select = make("select", { onchange: () => onchange(select.value) },
    ...options.map(([value, name]) => make("option", { value }, name)));
  return { element: make("label", {}, `${words} `, select), select };
}

export function tick(words, onchange) {
  const box = make("input", { type: "checkbox", onchange: () => onchange(box.checked) });
  return { element: make("label", { class: "tick" }, box, ` ${words}`), box };
}

// A path as one types it in a shell.
export const quoted = (path) => (/^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\"'\"'")}'`);

// A command with its button; report.js copies it.
export const command = (line) => [make("code", {}, line), make("button", { class: "copy", type: "button", title: line }, "copy")];
