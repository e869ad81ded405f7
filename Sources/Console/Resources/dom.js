// Elements from data. Text only ever becomes a text node: nothing here, or anywhere on the page, parses data as HTML.

/** An element. `on…` are listeners, `class`, `data-…` and the rest attributes; false, null and undefined are left out. */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(element, child);
    else element.append(child instanceof Node ? child : String(child));
  }
}

/** Replaces what an element holds, and leaves the page alone where it already says the same text. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Columns are `[title, row => content, class?]`. Every table can be scrolled sideways on its own in a narrow window. */
export function table(caption, columns, rows, attributesOfRow) {
  const head = h("tr", null, columns.map(([title, , kind]) => h("th", { scope: "col", class: kind }, title)));
  const body = rows.map((row) => h("tr", attributesOfRow?.(row),
    columns.map(([, content, kind]) => h("td", { class: kind }, content(row)))));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", null, h("caption", null, caption), h("thead", null, head), h("tbody", null, body)));
}

/** What stands where nothing is to be shown: a sentence, with commands as code where they are in `backticks`. */
export function sentence(text, kind = "notice") {
  const parts = text.split("`");
  return h("p", { class: kind }, parts.map((part, index) => (index % 2 ? h("code", null, part) : part)));
}

export function link(href, text, kind) {
  return h("a", { href, class: kind }, text);
}

/** A state as a word with its sign: colour is never alone. */
const signs = {
  running: "●", ok: "●", finished: "✓", slow: "▲", silent: "◌", hang: "■", failed: "✕", unknown: "?",
  warning: "▲", critical: "✕", nothing: "○",
};
export function state(name) {
  return h("span", { class: "state", "data-state": name },
    h("span", { "aria-hidden": "true" }, `${signs[name] ?? "?"} `), name);
}

/** "node 3, rank 1" for the key "3/1"; a key may hold anything. */
export function rankName(key) {
  const slash = key.indexOf("/");
  return slash < 0 ? `node ${key}` : `node ${key.slice(0, slash)}, rank ${key.slice(slash + 1)}`;
}

export function rankLink(key, time) {
  return link(rankRoute(key, time), rankName(key));
}

export function rankRoute(key, time) {
  return `#/rank/${encodeURIComponent(key)}${time ? `?time=${time}` : ""}`;
}

/** A labelled select; `options` are `[value, text]`. */
export function select(label, options, value, onchange) {
  const element = h("select", { onchange: () => onchange(element.value) },
    options.map(([key, text]) => h("option", { value: key }, text)));
  element.value = value;
  return h("label", null, h("span", null, label), element);
}
