// Times and quantities as people read them: local time, with the exact one as the title.
import { h } from "/app/dom.js";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });

export function clockText(seconds) {
  const date = new Date(seconds * 1000);
  return Date.now() - date.getTime() < 64_800_000 && date.getTime() < Date.now() + 3_600_000
    ? clock.format(date) : `${day.format(date)} ${clock.format(date)}`;
}

export function isoText(seconds) {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString();
}

/** A <time> with local time as its text and the exact one as its title; "never" for null. */
export function timeOf(seconds) {
  if (seconds === null || seconds === undefined) return h("span", { class: "quiet" }, "never");
  const iso = isoText(seconds);
  return h("time", { datetime: iso, title: iso }, iso === "" ? "an impossible time" : clockText(seconds));
}

/** "12 s", "3 min 5 s", "2 h 10 min", "4 d 3 h". */
export function durationText(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 0.01) return `${(seconds * 1e6).toFixed(0)} µs`;
  if (seconds < 1) return `${(seconds * 1000).toFixed(0)} ms`;
  if (seconds < 10) return `${Number.isInteger(seconds) ? seconds : seconds.toFixed(2)} s`;
  const whole = Math.round(seconds);
  if (whole < 90) return `${whole} s`;
  if (whole < 5400) return pair(whole, 60, "min", "s");
  if (whole < 172_800) return pair(Math.round(whole / 60), 60, "h", "min");
  return pair(Math.round(whole / 3600), 24, "d", "h");
}

function pair(value, base, large, small) {
  const rest = value % base;
  return `${Math.floor(value / base)} ${large}${rest ? ` ${rest} ${small}` : ""}`;
}

export function agoText(seconds, now) {
  return seconds === null || seconds === undefined ? "never" : `${durationText(Math.max(1, Math.round(now - seconds)))} ago`;
}

export function bytesText(bytes) {
  if (bytes === null || bytes === undefined) return "–";
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit += 1; }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

const whole = new Intl.NumberFormat(undefined);
export function countText(value) {
  return value === null || value === undefined ? "–" : whole.format(value);
}

/** Four significant digits, which is enough to compare and short enough to read. */
export function valueText(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e7)) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

/** The choices of a time range, for selects: `since` of the API. */
export const ranges = [["-10m", "10 minutes"], ["-1h", "1 hour"], ["-6h", "6 hours"], ["-1d", "1 day"], ["-7d", "7 days"]];
