// Ranks × time on a canvas: one pixel a cell in a small image that is scaled up in one pass, then the marks.
import { h, rankName, setText } from "/app/dom.js";
import { clockText, countText, durationText } from "/app/time.js";

const markNames = ["", "alarm: slow or silent", "hang", "failure"];
const markSigns = ["", "▲", "■", "✕"];
const gutter = 64; // pixels for the names of rows

/** The ratio of a step time to the median, as a place on the scale of colours: 0 up to 1.05, 1 from 2 on. */
function heat(ratio) {
  return Math.min(1, Math.max(0, (ratio - 1.05) / 0.95));
}

function mix(a, b, part) {
  return a.map((value, index) => Math.round(value + (b[index] - value) * part));
}

/** The middle of up to some thousand of the values, evenly taken: exact enough for colours, however many there are. */
function median(rows) {
  const columns = rows[0]?.step_seconds.length ?? 0;
  const step = Math.max(1, Math.floor(rows.length * columns / 20_000));
  const values = [];
  for (let place = 0; place < rows.length * columns; place += step) {
    const value = rows[Math.floor(place / columns)].step_seconds[place % columns];
    if (value !== null && value !== undefined) values.push(value);
  }
  return values.length ? Float64Array.from(values).sort()[values.length >> 1] : null;
}

/** The colours of a sheet as pixels; `scale` from the usual step time to twice it. */
function pixels({ cool, warm, hot, line, gap }) {
  const scale = Array.from({ length: 65 }, (_, index) => (index < 32 ? mix(cool, warm, index / 32) : mix(warm, hot, (index - 32) / 32))).map(pack);
  return { scale, hot: pack(hot), line: pack(line), gap: pack(gap) };
}

const palettes = {
  light: { cool: [205, 228, 220], warm: [245, 180, 60], hot: [176, 48, 16], line: [222, 226, 232], gap: [150, 90, 190], ink: "#1c2530", sheet: "#fff" },
  dark: { cool: [28, 62, 56], warm: [168, 112, 20], hot: [255, 120, 84], line: [44, 50, 60], gap: [164, 110, 210], ink: "#dde4ec", sheet: "#12171e" },
};

export class HeatMap {
  #answer = null; #image = null; #small = document.createElement("canvas"); #row = 0; #column = 0; #focused = false;
  #dark = matchMedia("(prefers-color-scheme: dark)"); #onOpen; #middle = null; #frame = 0; #observer;

  /** `onOpen(key, time)` when a cell is chosen by mouse or Enter. */
  constructor(onOpen) {
    this.#onOpen = onOpen;
    this.canvas = h("canvas", {
      tabindex: "0", role: "application", class: "heat", "aria-label": "Heat map of ranks over time", "aria-describedby": "heat-help heat-cell",
      onclick: (event) => { this.#choose(event); this.#open(); }, onmousemove: (event) => this.#choose(event),
      onkeydown: (event) => this.#key(event), onfocus: () => this.#setFocus(true), onblur: () => this.#setFocus(false),
    });
    this.cell = h("p", { id: "heat-cell", class: "cell", "aria-live": "polite" }, "Point at a cell, or move with the arrow keys.");
    this.element = h("div", { class: "heatmap" },
      h("p", { id: "heat-help", class: "hidden" }, "Arrow keys move between ranks and times, Page Up and Page Down by ten ranks, Home and End to the first and the last time. Enter opens that rank at that time. The table below holds the same."),
      h("div", { class: "heatscroll" }, this.canvas), this.cell);
    this.#dark.addEventListener("change", this.#repaint);
    this.#observer = new ResizeObserver(this.#repaint);
    this.#observer.observe(this.element);
  }

  close() {
    this.#dark.removeEventListener("change", this.#repaint);
    this.#observer.disconnect();
    cancelAnimationFrame(this.#frame);
  }

  update(answer) {
    const last = this.#answer === null || this.#column >= this.#buckets - 1;
    this.#answer = answer;
    this.#middle = median(answer.rows);
    if (last) this.#column = Math.max(0, this.#buckets - 1);
    this.#row = Math.min(this.#row, Math.max(0, answer.rows.length - 1));
    this.draw();
  }

  get #buckets() { return this.#answer?.rows[0]?.lines.length ?? 0; }
  get #rowHeight() {
    const rows = this.#answer.rows.length;
    return rows <= 24 ? 20 : rows <= 64 ? 11 : rows <= 256 ? 5 : 3;
  }
  #repaint = () => {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => { this.#image = null; this.draw(); });
  };

  /** Only rows whose cells have changed are put into the image again. */
  draw() {
    if (!this.#answer || this.#answer.rows.length === 0 || !this.element.isConnected) return;
    const { rows } = this.#answer;
    const colours = this.#dark.matches ? palettes.dark : palettes.light;
    const columns = this.#buckets;
    if (this.#image?.width !== columns || this.#image?.height !== rows.length) {
      this.#small.width = columns;
      this.#small.height = rows.length;
      this.#image = new ImageData(columns, rows.length);
    }
    const cells = pixels(colours);
    const image = new Uint32Array(this.#image.data.buffer);
    let first = rows.length, final = -1;
    rows.forEach((row, y) => {
      for (let x = 0; x < columns; x += 1) {
        const colour = this.#colour(row, x, cells);
        if (image[y * columns + x] === colour) continue;
        image[y * columns + x] = colour;
        first = Math.min(first, y);
        final = y;
      }
    });
    if (final >= first) this.#small.getContext("2d").putImageData(this.#image, 0, 0, 0, first, columns, final - first + 1);
    this.#paint(colours);
  }

  #colour(row, x, cells) {
    if (row.marks[x] >= 2) return cells.hot;
    if (row.lines[x] === null) return cells.gap;
    const seconds = row.step_seconds[x];
    if (seconds === null || seconds === undefined) return row.lines[x] > 0 ? cells.line : 0;
    return cells.scale[Math.round(64 * heat(this.#middle ? seconds / this.#middle : 1))];
  }

  #paint(colours) {
    const { rows } = this.#answer;
    const height = this.#rowHeight;
    const width = Math.max(200, this.element.clientWidth - 2);
    const scale = window.devicePixelRatio || 1;
    const tall = rows.length * height + 20;
    const canvas = this.canvas;
    canvas.width = width * scale;
    canvas.height = tall * scale;
    canvas.style.setProperty("width", `${width}px`);
    canvas.style.setProperty("height", `${tall}px`);
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.#small, gutter, 0, width - gutter, rows.length * height);
    context.fillStyle = colours.ink;
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    const every = Math.max(1, Math.ceil(14 / height));
    for (let y = 0; y < rows.length; y += every) context.fillText(short(rows[y].key), 2, y * height + Math.max(height / 2, 7), gutter - 6);
    if (height >= 9) this.#grid(context, colours, width, height);
    const ticks = Math.max(1, Math.floor((width - gutter) / 120));
    for (let tick = 0; tick <= ticks; tick += 1) {
      context.textAlign = tick === ticks ? "right" : "left";
      const time = this.#answer.since + (this.#answer.until - this.#answer.since) * tick / ticks;
      context.fillText(clockText(time), gutter + (width - gutter) * tick / ticks, rows.length * height + 11);
    }
    context.textAlign = "left";
    this.#marks(context, colours, width, height);
    if (this.#focused) {
      const wide = (width - gutter) / this.#buckets;
      context.strokeStyle = colours.ink;
      context.lineWidth = 2;
      context.strokeRect(gutter + this.#column * wide - 1, this.#row * height - 1, Math.max(wide, 4) + 2, Math.max(height, 4) + 2);
    }
  }

  #grid(context, colours, width, height) {
    context.fillStyle = colours.sheet;
    for (let y = 1; y < this.#answer.rows.length; y += 1) context.fillRect(gutter, y * height - 1, width - gutter, 1);
  }

  /** A sign in each cell that is marked where there is room, at the first of a run otherwise: colour is not the only sign. */
  #marks(context, colours, width, height) {
    const wide = (width - gutter) / this.#buckets;
    context.fillStyle = colours.ink;
    context.strokeStyle = colours.sheet; // around the sign, so that it can be seen on each colour of cell
    context.lineWidth = 3;
    context.lineJoin = "round";
    context.font = `${Math.min(13, Math.max(9, height - 2))}px system-ui, sans-serif`;
    this.#answer.rows.forEach((row, y) => {
      let before = 0;
      let free = 0;
      row.marks.forEach((mark, x) => {
        if (mark > 0 && (mark !== before || x * wide >= free) && (height >= 9 || mark !== before)) {
          context.strokeText(markSigns[mark], gutter + x * wide, y * height + height / 2);
          context.fillText(markSigns[mark], gutter + x * wide, y * height + height / 2);
          free = x * wide + 24;
        }
        before = mark;
      });
    });
  }

  #choose(event) {
    if (!this.#answer?.rows.length) return;
    const box = this.canvas.getBoundingClientRect();
    const wide = (box.width - gutter) / this.#buckets;
    this.#column = Math.min(this.#buckets - 1, Math.max(0, Math.floor((event.clientX - box.left - gutter) / wide)));
    this.#row = Math.min(this.#answer.rows.length - 1, Math.max(0, Math.floor((event.clientY - box.top) / this.#rowHeight)));
    this.#say();
  }

  #key(event) {
    if (!this.#answer?.rows.length || event.ctrlKey || event.metaKey || event.altKey) return;
    const rows = this.#answer.rows.length - 1;
    const moves = {
      ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-10, 0], PageDown: [10, 0],
      Home: [0, -this.#buckets], End: [0, this.#buckets],
    };
    if (event.key === "Enter") { event.preventDefault(); this.#open(); return; }
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    this.#row = Math.min(rows, Math.max(0, this.#row + move[0]));
    this.#column = Math.min(this.#buckets - 1, Math.max(0, this.#column + move[1]));
    this.#say();
    this.draw();
    const scroll = this.canvas.parentElement;
    const top = this.#row * this.#rowHeight;
    if (top < scroll.scrollTop || top > scroll.scrollTop + scroll.clientHeight - 30) scroll.scrollTop = top - scroll.clientHeight / 2;
  }

  get #time() { return this.#answer.since + (this.#column + 0.5) * this.#answer.bucket_seconds; }
  #open() {
    const row = this.#answer?.rows[this.#row];
    if (row) this.#onOpen(row.key, Math.round(this.#time * 1000) / 1000);
  }
  #setFocus(focused) {
    this.#focused = focused;
    if (focused && this.#answer?.rows.length) this.#say();
    this.draw();
  }
  #say() {
    const row = this.#answer.rows[this.#row];
    setText(this.cell, `${rankName(row.key)} at ${clockText(this.#time)}: ${describe(row, this.#column)}. Now ${row.state}.`);
  }
}

/** What a cell says, in words. */
export function describe(row, column) {
  if (row.lines[column] === null) return "a gap: lines of this time are missing";
  const seconds = row.step_seconds[column];
  const lines = row.lines[column];
  return [
    seconds === null || seconds === undefined ? "no step" : `${durationText(seconds)} a step`,
    `${countText(lines)} ${lines === 1 ? "line" : "lines"}`, markNames[row.marks[column]],
  ].filter(Boolean).join(", ");
}

function short(key) {
  return key.length > 10 ? `${key.slice(0, 9)}…` : key;
}
function pack([red, green, blue]) {
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
}
