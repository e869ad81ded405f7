// Logs of all ranks, merged by time: filters in the address, so that every search can be sent to somebody.
import { get } from "/app/api.js";
import { h, link, rankName, select, sentence } from "/app/dom.js";
import { LogList, rowOf } from "/app/loglist.js";
import { isoText, timeOf } from "/app/time.js";

const types = [["", "all"], ["TRAINING_LOG", "training log"], ["XPU_TIMER_METRIC", "metrics"], ["RESOURCE", "resources"]];

export function open(main, { query, signal }) {
  if (query.has("line")) return oneLine(main, query.get("line"), signal);
  const filter = Object.fromEntries(["query", "node_rank", "rank", "type", "since", "until", "marked"].map((name) => [name, query.get(name) ?? ""]));
  const problem = h("div", { role: "status" });
  const live = filter.until === "";
  const apply = (changes) => {
    const next = new URLSearchParams(Object.entries({ ...filter, ...changes }).filter(([, value]) => value !== ""));
    location.hash = `#/logs${next.size ? `?${next}` : ""}`;
  };
  const input = (name, label, attributes) => {
    const field = h("input", { name, value: filter[name], autocomplete: "off", spellcheck: "false", ...attributes });
    return h("label", null, h("span", null, label), field);
  };
  const form = h("form", { class: "filters", role: "search", onsubmit: (event) => {
    event.preventDefault();
    apply(Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()])));
  } },
    input("query", "Search", { type: "search", placeholder: "words, or \"a phrase\"", maxlength: "500", class: "wide" }),
    input("node_rank", "Node", { inputmode: "numeric", placeholder: "all", pattern: "[0-9, ]*", size: "6" }),
    input("rank", "Rank", { inputmode: "numeric", placeholder: "all", pattern: "[0-9, ]*", size: "6" }),
    select("Type", types.some(([key]) => key === filter.type) ? types : [...types, [filter.type, filter.type]], filter.type, (type) => apply({ type })),
    h("label", { class: "check" }, h("input", { type: "checkbox", checked: filter.marked === "1", onchange: (event) => apply({ marked: event.target.checked ? "1" : "" }) }),
      h("span", null, "Only marked lines")),
    h("button", { type: "submit" }, "Search"));
  const list = new LogList({ filter, signal, live, onState: (error) => {
    problem.replaceChildren(error ? sentence(error, "notice bad") : list.count > 0 ? "" : sentence(nothing(filter)));
    list.element.hidden = list.count === 0;
  } });
  const between = filter.since || filter.until
    ? h("p", { class: "quiet" }, "Lines ", filter.since ? ["since ", when(filter.since), " "] : "", filter.until ? ["until ", when(filter.until), " "] : "", link("#/logs", "Show all times")) : null;
  main.append(h("div", { class: "head" }, h("h1", null, "Logs")), form, between ?? "", problem, list.element);
  list.start();
  return { update: ({ what }) => { if (live && (what.has("logs") || what.has("failures"))) list.count > 0 ? list.catchUp() : list.start(); } };
}

function when(value) {
  return /^[0-9.]+$/.test(value) ? timeOf(Number(value)) : value;
}

function nothing(filter) {
  const by = Object.entries(filter).filter(([, value]) => value !== "").map(([name]) => ({ node_rank: "node", marked: "marks" })[name] ?? name);
  return by.length ? `No line fits (${by.join(", ")}). This page goes on looking.`
    : "No lines yet. They come with `arobust agent --log PATH`.";
}

/** One line with what its stream wrote around it. */
function oneLine(main, id, signal) {
  const place = h("div", null, h("p", { role: "status" }, "Looking for the line…"));
  main.append(h("div", { class: "head" }, h("h1", null, "One line")), place);
  (async () => {
    try {
      const { line, before, after } = await get(`logs/${encodeURIComponent(id)}`, { context: 50 }, signal);
      const row = rowOf(line, []);
      row.classList.add("here");
      row.setAttribute("aria-current", "true");
      const key = line.rank === null || line.rank === undefined ? String(line.node_rank) : `${line.node_rank}/${line.rank}`;
      const box = h("div", { class: "lines", role: "list", tabindex: "0", "aria-label": `Lines of ${rankName(key)}` },
        before.map((other) => rowOf(other, [])), row, after.map((other) => rowOf(other, [])));
      place.replaceChildren(
        h("p", { class: "quiet" }, `${rankName(key)} at ${isoText(line.time)}. `,
          link(`#/logs?since=${line.time - 30}&until=${line.time + 30}`, "All ranks, 30 seconds around it"), " · ", link("#/logs", "All lines")),
        h("div", { class: "loglist" }, box));
      box.scrollTop = row.offsetTop - box.clientHeight / 3;
    } catch (error) {
      if (!signal.aborted) place.replaceChildren(sentence(error.status === 404 ? "This line is not in the store: it may have been removed to make room. " : error.message, "notice bad"), link("#/logs", "All lines"));
    }
  })();
}
