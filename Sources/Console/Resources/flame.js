// A flame graph of buttons: wide is often, below is called by. Text is text, so that it can be searched and read aloud.
import { h, setText } from "/app/dom.js";
import { countText } from "/app/time.js";

const rowHeight = 20;
const most = 1500; // boxes
const narrowest = 0.003; // of the whole width

/** `root` is `{name, value, children}`. Choosing a box makes it the whole width; the lowest row leads back. */
export function flame(root) {
  const said = h("p", { class: "cell", "aria-live": "polite" }, "Choose a frame to look into it.");
  const box = h("div", { class: "flame", role: "group", "aria-label": "Flame graph, callers above" });

  function draw(focus) {
    const boxes = [];
    let deepest = 0;
    const add = (node, depth, from, width) => {
      if (width < narrowest || boxes.length >= most || depth > 200) return;
      deepest = Math.max(deepest, depth);
      const share = root.value ? Math.round(100 * node.value / root.value) : 0;
      const label = `${node.name}: ${countText(node.value)}, ${share} % of all`;
      const button = h("button", { type: "button", title: label, "aria-label": label, class: `tone${hash(node.name) % 5}`,
        onclick: () => { draw(node === focus ? root : node); setText(said, label); }, onfocus: () => setText(said, label), onmouseenter: () => setText(said, label) }, node.name);
      button.style.setProperty("left", `${from * 100}%`);
      button.style.setProperty("width", `${width * 100}%`);
      button.style.setProperty("top", `${depth * rowHeight}px`);
      boxes.push(button);
      let place = from;
      for (const child of node.children ?? []) {
        const part = node.value ? width * child.value / node.value : 0;
        add(child, depth + 1, place, part);
        place += part;
      }
    };
    add(focus, 0, 0, 1);
    box.style.setProperty("height", `${(deepest + 1) * rowHeight}px`);
    box.replaceChildren(...boxes);
  }
  draw(root);
  return h("div", null, h("div", { class: "scroll" }, box), said);
}

function hash(text) {
  let value = 0;
  for (let index = 0; index < text.length && index < 80; index += 1) value = (value * 31 + text.charCodeAt(index)) >>> 0;
  return value;
}
