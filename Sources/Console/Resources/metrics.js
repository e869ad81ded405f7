// Metrics: a series of the pages over time, rank against rank, the slowest marked.
import { get, oneAtATime } from "/app/api.js";
import { Chart } from "/app/chart.js";
import { h, link, rankLink, select, sentence, table } from "/app/dom.js";
import { agoText, countText, ranges, valueText } from "/app/time.js";

export function open(main, { query, signal }) {
  const name = query.get("name") ?? "";
  const prefix = query.get("prefix") ?? "";
  const since = query.get("since") || "-1h";
  const chart = new Chart(`The values of ${name} over time; the table below holds them`);
  const problem = h("div", { role: "status" });
  const list = h("nav", { class: "series", "aria-label": "Series" });
  const detail = h("div", { class: "detail" });
  const route = (changes) => `#/metrics?${new URLSearchParams(Object.entries({ name, prefix, since, ...changes }).filter(([, value]) => value !== ""))}`;
  const search = h("form", { class: "filters", role: "search", onsubmit: (event) => {
    event.preventDefault();
    location.hash = route({ prefix: new FormData(search).get("prefix").trim() });
  } },
    h("label", null, h("span", null, "Series that begin with"), h("input", { type: "search", name: "prefix", value: prefix, autocomplete: "off", spellcheck: "false", maxlength: "200" })),
    h("button", { type: "submit" }, "Search"),
    select("Show the last", ranges, since, (value) => { location.hash = route({ since: value }); }));
  const heading = h("h2", null, name);
  const said = h("p", { class: "quiet" });
  const rows = h("div");
  if (name) detail.append(heading, said, chart.element, rows);
  main.append(h("div", { class: "head" }, h("h1", null, "Metrics")), search, problem, h("div", { class: "columns" }, list, detail));

  const refresh = oneAtATime(async () => {
    try {
      const { series, next } = await get("series", { prefix, limit: 500 }, signal);
      list.replaceChildren(series.length === 0
        ? sentence(prefix ? `No series begins with "${prefix}".` : "No metrics yet. They come with `arobust agent --scrape URL`, for example of xpu_timer or DCGM.")
        : h("ul", null, series.map((one) => h("li", null, h("a", { href: route({ name: one.name }), "aria-current": one.name === name ? "true" : null }, one.name),
          h("span", { class: "quiet" }, ` ${countText(one.streams)}`)))),
        next ? sentence("There are more: narrow the search.", "quiet") : "");
      if (name) await drawSamples();
      else detail.replaceChildren(series.length ? sentence("Choose a series to see it rank against rank.") : "");
      problem.replaceChildren();
    } catch (error) {
      if (!signal.aborted) problem.replaceChildren(sentence(error.message, "notice bad"));
    }
  });

  async function drawSamples() {
    const samples = await get("samples", { name, since, points: Math.min(2000, Math.max(60, Math.round(detail.clientWidth / 3))) }, signal);
    chart.element.hidden = samples.rows.length === 0;
    chart.update(samples);
    said.replaceChildren(samples.rows.length === 0 ? "No samples of it in this time."
      : `${countText(samples.rows.length)} rows${samples.left_out ? `; ${countText(samples.left_out)} near the median are left out` : ""}. `,
      samples.slowest ? "Slowest: " : "", samples.slowest ? rankLink(samples.slowest) : "");
    const means = samples.rows.map((row) => ({ ...row, mean: meanOf(row.values) }));
    means.sort((a, b) => (b.key === samples.slowest) - (a.key === samples.slowest) || (b.mean ?? -Infinity) - (a.mean ?? -Infinity));
    if (rows.contains(document.activeElement)) return; // nothing moves under the reader's hand
    rows.replaceChildren(samples.rows.length === 0 ? "" : table("Rank against rank", [
      ["Rank", (row) => [rankLink(row.key), row.key === samples.slowest ? h("strong", { class: "alarm" }, " ▲ slowest") : ""]],
      ["Last", (row) => valueText(row.last), "number"], ["Mean", (row) => valueText(row.mean), "number"],
      ["Labels", (row) => h("span", { class: "quiet" }, Object.entries(row.labels ?? {}).map(([label, value]) => `${label}=${value}`).join(" "))],
    ], means.slice(0, 200)));
  }

  refresh();
  return { update: ({ what }) => { if (what.has("metrics")) refresh(); }, close: () => chart.close() };
}

function meanOf(values) {
  const known = values.filter((value) => value !== null);
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
}
