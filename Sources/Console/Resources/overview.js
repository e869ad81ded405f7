// The overview: the heat map, the ranks that need a look, and all ranks as a table.
import { get, oneAtATime } from "/app/api.js";
import { h, rankLink, rankRoute, select, sentence, state, table } from "/app/dom.js";
import { HeatMap } from "/app/heatmap.js";
import { agoText, bytesText, countText, durationText, ranges, timeOf } from "/app/time.js";

const severity = { failed: 0, hang: 1, silent: 2, slow: 3, unknown: 4, running: 5, finished: 6 };
const page = 200; // rows of a table that are shown at once
const longest = 3600; // seconds that the map shows of a training that is older, unless somebody chooses
const shortest = 300;
const cells = 60_000; // of the map: with a thousand ranks a column is a minute of an hour

export function open(main, { query, signal }) {
  let range = query.get("since") || "auto";
  let order = query.get("order") || "auto";
  let shown = page;
  let ranks = [];
  let now = Date.now() / 1000;
  const map = new HeatMap((key, time) => { location.hash = rankRoute(key, time); });
  const problem = h("div", { role: "status" });
  const counts = h("p", { class: "counts" });
  const attention = h("div", { class: "attention" });
  const store = h("p", { class: "quiet" });
  const all = h("details", { class: "all", ontoggle: () => drawTable() }, h("summary", null, "All ranks as a table"), h("div"));
  const nothing = sentence("Nothing has been reported yet. Agents report here with `arobust agent --master arobust://HOST:PORT`; this page shows them as soon as they do.");
  main.append(
    h("div", { class: "head" }, h("h1", null, "Ranks over time"),
      select("Show the last", [["auto", "automatic"], ...ranges.slice(0, 5)], range, (value) => { range = value; refresh(); }),
      select("Order", [["auto", "automatic"], ["rank", "by rank"], ["worst", "worst first"]], order, (value) => { order = value; refresh(); })),
    problem, legend(), map.element, nothing, counts, attention, all, store);
  nothing.hidden = true;

  function drawTable() {
    if (!all.open) { all.lastElementChild.replaceChildren(); return; }
    all.lastElementChild.replaceChildren(
      table("All ranks, worst first", columns(now), ranks.slice(0, shown)),
      ranks.length > shown ? h("button", { type: "button", onclick: () => { shown += page; drawTable(); } },
        `Show ${Math.min(page, ranks.length - shown)} more of ${countText(ranks.length)}`) : "");
  }

  // Looking costs at most a tenth of the time, however many ranks there are.
  let pace = 1000;
  let due = 0;
  let timer = null;
  function refreshSoon() {
    timer ??= setTimeout(() => { timer = null; refresh(); }, Math.max(0, due - Date.now()));
  }

  const refresh = oneAtATime(async () => {
    const began = performance.now();
    try {
      const overview = await get("overview", null, signal);
      const [heat, list] = await Promise.all([
        get("heatmap", { since: range === "auto" ? sinceBegin(overview) : range, buckets: columnsFor(overview.ranks, main.clientWidth) }, signal),
        get("ranks", { limit: 5000 }, signal),
      ]);
      now = overview.now;
      ranks = list.ranks.sort((a, b) => (severity[a.state] ?? 4) - (severity[b.state] ?? 4));
      const empty = heat.rows.length === 0;
      nothing.hidden = !empty;
      map.element.hidden = empty;
      // Where not all rows are in view at once, those that need a look are.
      if (order === "worst" || (order === "auto" && heat.rows.length > 150)) heat.rows.sort((a, b) => (severity[a.state] ?? 4) - (severity[b.state] ?? 4));
      const drawing = performance.now();
      map.update(heat);
      document.documentElement.dataset.drawing = String(performance.now() - drawing);
      drawAttention();
      drawTable();
      problem.replaceChildren();
      const { bytes, limit_bytes, oldest, lines } = overview.store;
      store.replaceChildren(`The store holds ${countText(lines)} lines in ${bytesText(bytes)} of ${bytesText(limit_bytes)}, the oldest from `,
        oldest === null ? "no time yet" : timeOf(oldest), ".");
      document.documentElement.dataset.drawn = String(performance.now()); // for tests that measure
      pace = Math.min(15_000, Math.max(1000, 10 * (performance.now() - began)));
    } catch (error) {
      if (!signal.aborted) problem.replaceChildren(sentence(error.message, "notice bad"));
    }
    due = Date.now() + pace;
  });

  function drawAttention() {
    const by = new Map();
    for (const rank of ranks) by.set(rank.state, (by.get(rank.state) ?? 0) + 1);
    counts.replaceChildren(...[...by].map(([name, count]) => h("span", null, state(name), ` ${countText(count)}`)));
    const bad = ranks.filter((rank) => (severity[rank.state] ?? 4) < 4);
    attention.replaceChildren(bad.length === 0
      ? (ranks.length ? sentence("No rank stands out.", "quiet") : "")
      : table(`Ranks that need a look${bad.length > 12 ? `, the first 12 of ${countText(bad.length)}` : ""}`, columns(now), bad.slice(0, 12)));
  }

  refresh();
  return {
    update: ({ what }) => { if (["logs", "metrics", "incidents", "failures", "nodes"].some((name) => what.has(name))) refreshSoon(); },
    close: () => { clearTimeout(timer); map.close(); },
  };
}

/** From the first line that is known, but no longer than an hour. */
function sinceBegin({ now, store }) {
  return `-${Math.round(Math.min(longest, Math.max(shortest, now - (store.oldest ?? now))))}s`;
}

function columnsFor(ranks, width) {
  return Math.round(Math.max(40, Math.min(720, width / 8, cells / Math.max(1, ranks))));
}

function columns(now) {
  return [
    ["Rank", (rank) => rankLink(rank.key)],
    ["State", (rank) => [state(rank.state), rank.alarm ? h("span", { class: "alarm" }, ` ${rank.alarm}`) : ""]],
    ["Step", (rank) => countText(rank.step), "number"],
    ["Step time", (rank) => durationText(rank.step_seconds), "number"],
    ["Last line", (rank) => h("span", null, timeOf(rank.last_line), rank.last_line ? h("span", { class: "quiet" }, ` ${agoText(rank.last_line, now)}`) : "")],
    ["Lines", (rank) => countText(rank.lines), "number"],
  ];
}

function legend() {
  return h("p", { class: "legend" },
    h("span", null, h("i", { class: "cool" }), "usual step time"), h("span", null, h("i", { class: "warm" }), "1.5 times"),
    h("span", null, h("i", { class: "hot" }), "twice and more"), h("span", null, h("i", { class: "line" }), "lines without steps"),
    h("span", null, h("i", { class: "gap" }), "gap in the lines"), h("span", null, "▲ alarm"), h("span", null, "■ hang"), h("span", null, "✕ failure"));
}
