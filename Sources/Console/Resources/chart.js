// Rows of values over time as lines on a canvas: all thin, the slowest thick, the one that is pointed at named.
import { h, rankName, setText } from "/app/dom.js";
import { clockText, valueText } from "/app/time.js";

const left = 64, bottom = 20, top = 8;
const colours = {
  light: { sheet: "#ffffff", ink: "#1c2530", grid: "#dfe4ea", line: "rgba(40, 90, 140, .45)", slow: "#b03010", chosen: "#0b57c0" },
  dark: { sheet: "#12171e", ink: "#dde4ec", grid: "#2a323d", line: "rgba(120, 175, 230, .45)", slow: "#ff7854", chosen: "#8ab8ff" },
};

export class Chart {
  #data = null; #chosen = null; #dark = matchMedia("(prefers-color-scheme: dark)"); #frame = 0; #observer; #range = [0, 1]; #marker = null;

  constructor(label, height = 240) {
    this.height = height;
    this.canvas = h("canvas", { class: "chart", role: "img", "aria-label": label, onmousemove: (event) => this.#point(event), onmouseleave: () => { this.#chosen = null; this.draw(); } });
    this.said = h("p", { class: "cell" }, "");
    this.element = h("div", { class: "chartbox" }, this.canvas, this.said);
    this.#dark.addEventListener("change", this.#repaint);
    this.#observer = new ResizeObserver(this.#repaint);
    this.#observer.observe(this.element);
  }

  close() {
    this.#dark.removeEventListener("change", this.#repaint);
    this.#observer.disconnect();
    cancelAnimationFrame(this.#frame);
  }

  /** `{since, until, rows: [{key, values}], slowest, marker}`; `marker` is a time to draw a line at. */
  update(data) {
    this.#data = data;
    this.#marker = data.marker ?? null;
    let low = Infinity, high = -Infinity;
    for (const row of data.rows) for (const value of row.values) if (value !== null) { low = Math.min(low, value); high = Math.max(high, value); }
    if (low > high) { low = 0; high = 1; }
    if (low > 0 && low < high * 0.6) low = 0; // from zero, unless that would hide the differences
    const room = (high - low || Math.abs(high) || 1) * 0.05;
    this.#range = [low === 0 ? 0 : low - room, high + room];
    this.draw();
  }

  #repaint = () => {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.draw());
  };

  draw() {
    if (!this.#data || !this.element.isConnected) return;
    const palette = this.#dark.matches ? colours.dark : colours.light;
    const width = Math.max(200, this.element.clientWidth - 2);
    const scale = window.devicePixelRatio || 1;
    this.canvas.width = width * scale;
    this.canvas.height = this.height * scale;
    this.canvas.style.setProperty("width", `${width}px`);
    this.canvas.style.setProperty("height", `${this.height}px`);
    const context = this.canvas.getContext("2d");
    context.scale(scale, scale);
    this.#axes(context, palette, width);
    for (const row of this.#data.rows) if (row.key !== this.#data.slowest && row.key !== this.#chosen) this.#line(context, row, palette.line, 1, width);
    for (const [key, colour] of [[this.#data.slowest, palette.slow], [this.#chosen, palette.chosen]]) {
      const row = key === null || key === undefined ? null : this.#data.rows.find((other) => other.key === key);
      if (row) this.#line(context, row, colour, 2.5, width);
    }
    const slow = this.#data.rows.find((row) => row.key === this.#data.slowest);
    if (slow) {
      const index = slow.values.findLastIndex((value) => value !== null);
      context.fillStyle = palette.slow;
      context.font = "bold 12px system-ui, sans-serif";
      context.textAlign = "right";
      if (index >= 0) {
        const label = `slowest: ${rankName(slow.key)}`;
        const y = Math.max(14, this.#y(slow.values[index]) - 16);
        const wide = context.measureText(label).width;
        context.fillStyle = palette.sheet;
        context.fillRect(width - wide - 12, y - 10, wide + 12, 20);
        context.fillStyle = palette.slow;
        context.fillText(label, width - 6, y);
      }
    }
  }

  #y(value) { return top + (this.height - bottom - top) * (1 - (value - this.#range[0]) / (this.#range[1] - this.#range[0])); }
  #x(index, count, width) { return left + (width - left) * (index + 0.5) / count; }

  #axes(context, palette, width) {
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.fillStyle = palette.ink;
    context.strokeStyle = palette.grid;
    context.textAlign = "right";
    const step = roundStep((this.#range[1] - this.#range[0]) / 4);
    for (let value = Math.ceil(this.#range[0] / step) * step; value <= this.#range[1]; value += step) {
      const y = Math.round(this.#y(value)) + 0.5;
      context.beginPath();
      context.moveTo(left, y);
      context.lineTo(width, y);
      context.stroke();
      context.fillText(valueText(value), left - 6, y);
    }
    const ticks = Math.max(1, Math.floor((width - left) / 120));
    for (let tick = 0; tick <= ticks; tick += 1) {
      context.textAlign = tick === ticks ? "right" : "left";
      context.fillText(clockText(this.#data.since + (this.#data.until - this.#data.since) * tick / ticks), left + (width - left) * tick / ticks, this.height - 8);
    }
    if (this.#marker !== null) {
      const x = left + (width - left) * (this.#marker - this.#data.since) / (this.#data.until - this.#data.since);
      context.strokeStyle = palette.ink;
      context.setLineDash([3, 3]);
      context.beginPath();
      context.moveTo(x, top);
      context.lineTo(x, this.height - bottom);
      context.stroke();
      context.setLineDash([]);
    }
  }

  /** A value that is missing breaks the line: nothing is drawn that was not measured. */
  #line(context, row, colour, thickness, width) {
    context.strokeStyle = colour;
    context.fillStyle = colour;
    context.lineWidth = thickness;
    context.beginPath();
    let down = false;
    row.values.forEach((value, index) => {
      if (value === null) { down = false; return; }
      const x = this.#x(index, row.values.length, width);
      const alone = !down && (row.values[index + 1] ?? null) === null;
      if (alone) context.fillRect(x - 1, this.#y(value) - 1, 2, 2);
      else if (down) context.lineTo(x, this.#y(value));
      else context.moveTo(x, this.#y(value));
      down = true;
    });
    context.stroke();
  }

  #point(event) {
    if (!this.#data?.rows.length) return;
    const box = this.canvas.getBoundingClientRect();
    const count = this.#data.rows[0].values.length;
    const index = Math.min(count - 1, Math.max(0, Math.floor((event.clientX - box.left - left) / (box.width - left) * count)));
    let best = null, distance = Infinity;
    for (const row of this.#data.rows) {
      const value = row.values[index];
      if (value === null || value === undefined) continue;
      const far = Math.abs(this.#y(value) - (event.clientY - box.top));
      if (far < distance) { distance = far; best = row; }
    }
    this.#chosen = best?.key ?? null;
    if (best) setText(this.said, `${rankName(best.key)}: ${valueText(best.values[index])} at ${clockText(this.#data.since + (index + 0.5) * (this.#data.until - this.#data.since) / count)}`);
    this.draw();
  }
}

/** The 1, 2 or 5 times a power of ten that is next to `about`. */
function roundStep(about) {
  const power = 10 ** Math.floor(Math.log10(about));
  return power * (about / power < 1.5 ? 1 : about / power < 3.5 ? 2 : about / power < 7.5 ? 5 : 10);
}
