// The text of a log line: colours of terminals become classes, other escape sequences go, invisible characters are shown.
import { h } from "/app/dom.js";

// CSI sequences, OSC and other strings up to their end (or the end of the line), and two-character escapes.
const escapes = /\x1b\[([0-9;:<=>?]*)[ -/]*([@-~])|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?/g;
// Controls, and characters that turn the direction of text or have no width: a line must not look like another one.
const invisible = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2028\u2029\u2060-\u2069\ufeff]/g;

function visible(text) {
  return text.replace(invisible, (character) => {
    const code = character.codePointAt(0);
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    return code === 0x7f ? "␡" : `⟨${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

/** The style after an SGR sequence: {colour: 0…7 or null, bold}. Others of its attributes are left out on purpose. */
function styled(style, parameters) {
  const codes = parameters.split(/[;:]/).map(Number);
  const next = { ...style };
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index];
    if (code === 0) Object.assign(next, { colour: null, bold: false });
    else if (code === 1) next.bold = true;
    else if (code === 22) next.bold = false;
    else if (code >= 30 && code <= 37) next.colour = code - 30;
    else if (code >= 90 && code <= 97) next.colour = code - 90;
    else if (code === 39) next.colour = null;
    else if (code === 38 || code === 48) index += codes[index + 1] === 5 ? 2 : 4;
  }
  return next;
}

/** Nodes for a line's text; words of `wanted` are marked. */
export function lineText(text, wanted = []) {
  const nodes = [];
  let style = { colour: null, bold: false };
  let from = 0;
  const add = (piece) => {
    if (piece === "") return;
    const content = marked(visible(piece), wanted);
    const kind = [style.colour === null ? "" : `ansi${style.colour}`, style.bold ? "strong" : ""].filter(Boolean).join(" ");
    nodes.push(kind ? h("span", { class: kind }, content) : content);
  };
  for (const match of text.matchAll(escapes)) {
    add(text.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[2] === "m") style = styled(style, match[1]);
  }
  add(text.slice(from));
  return nodes;
}

/** The words of a query as it is searched for: words, and phrases in quotes. */
export function wordsOf(query) {
  return [...query.matchAll(/"([^"]+)"|([^\s"]+)/g)].map((match) => (match[1] ?? match[2]).toLowerCase()).slice(0, 16);
}

function marked(text, wanted) {
  if (wanted.length === 0) return [text];
  const lower = text.toLowerCase();
  if (lower.length !== text.length) return [text]; // places would not agree
  const nodes = [];
  let from = 0;
  while (from < text.length && nodes.length < 200) {
    let place = -1;
    let length = 0;
    for (const word of wanted) {
      const found = lower.indexOf(word, from);
      if (found >= 0 && (place < 0 || found < place)) { place = found; length = word.length; }
    }
    if (place < 0) break;
    if (place > from) nodes.push(text.slice(from, place));
    nodes.push(h("mark", null, text.slice(place, place + length)));
    from = place + length;
  }
  nodes.push(text.slice(from));
  return nodes;
}
