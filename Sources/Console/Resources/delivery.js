// Delivery: what each node has sent, what is missing of it and how late it is; the agents' own ledgers.
import { get, oneAtATime } from "/app/api.js";
import { h, link, rankLink, sentence, table } from "/app/dom.js";
import { countText, durationText, timeOf } from "/app/time.js";

const page = 200;

export function open(main, { signal }) {
  const place = h("div", null, h("p", { role: "status" }, "Asking…"));
  main.append(h("div", { class: "head" }, h("h1", null, "Delivery")), place);
  const refresh = oneAtATime(async () => {
    try {
      const [delivery, { nodes }] = await Promise.all([get("delivery", null, signal), get("nodes", null, signal)]);
      const scrolled = [...place.querySelectorAll(".scroll")].map((element) => element.scrollLeft);
      const focused = [...place.querySelectorAll("a, .scroll, summary")].indexOf(document.activeElement);
      place.replaceChildren(...parts(delivery, nodes));
      place.querySelectorAll(".scroll").forEach((element, index) => { element.scrollLeft = scrolled[index] ?? 0; });
      if (focused >= 0) place.querySelectorAll("a, .scroll, summary")[focused]?.focus({ preventScroll: true });
    } catch (error) {
      if (!signal.aborted) place.replaceChildren(sentence(error.message, "notice bad"));
    }
  });
  refresh();
  return { update: ({ what }) => { if (what.has("nodes") || what.has("logs") || what.has("metrics")) refresh(); } };
}

function parts({ nodes, gaps }, known) {
  if (nodes.length === 0) return [sentence("No node has reported yet. Agents report here with `arobust agent --master arobust://HOST:PORT`.")];
  const about = new Map(known.map((node) => [node.key, node]));
  const lanes = nodes.flatMap((node) => node.lanes.map((lane) => ({ node, lane })));
  const missing = lanes.reduce((sum, { lane }) => sum + lane.missing, 0);
  const consumers = nodes.flatMap((node) => (node.consumers ?? []).map((consumer) => ({ node, consumer })));
  return [
    h("p", { class: missing ? "notice bad" : "notice good" }, missing
      ? `✕ ${countText(missing)} messages are missing. The gaps below say which.` : "✓ Every message that a node sent is here, once."),
    table(lanes.length > page ? `Lanes, the first ${page} of ${countText(lanes.length)}` : "Lanes of each node", [
      ["Node", ({ node }) => [rankLink(String(node.node_rank)), h("span", { class: "quiet" }, ` ${about.get(node.key)?.host ?? ""}`)]],
      ["From", ({ node }) => about.get(node.key)?.source ?? ""],
      ["Data", ({ lane }) => lane.data_type],
      ["Received", ({ lane }) => countText(lane.received), "number"],
      ["Sent again", ({ lane }) => countText(lane.duplicates), "number"],
      ["Missing", ({ lane }) => (lane.missing ? h("strong", { class: "bad" }, `✕ ${countText(lane.missing)}`) : "0"), "number"],
      ["Lag", ({ lane }) => durationText(lane.lag_seconds), "number"],
      ["Last heard", ({ lane }) => timeOf(lane.last_heard)],
      ["Position", ({ lane }) => `${lane.epoch}:${lane.sequence}`, "number"],
    ], lanes.sort((a, b) => b.lane.missing - a.lane.missing).slice(0, page)),
    h("h2", null, "Gaps"),
    gaps.length === 0 ? sentence("No gaps.") : table("Messages that never came", [
      ["Node", (gap) => rankLink(String(gap.node_rank), gap.time)], ["Data", (gap) => gap.data_type], ["Count", (gap) => countText(gap.count), "number"],
      ["From", (gap) => gap.from.join(":"), "number"], ["Through", (gap) => gap.through.join(":"), "number"],
      ["Time", (gap) => [timeOf(gap.time), " ", link(gap.line ? `#/logs?line=${gap.line}` : `#/logs?node_rank=${gap.node_rank}&since=${gap.time - 30}&until=${gap.time + 30}`, "in the log")]],
    ], gaps.slice(0, page)),
    h("h2", null, "The agents' own ledgers"),
    consumers.length === 0 ? sentence("No ledgers are known yet. Agents that report over arobust:// tell theirs every few seconds; DLRover's own clients keep none.")
      : table("Masters of each node", [
        ["Node", ({ node }) => rankLink(String(node.node_rank))], ["Master", ({ consumer }) => consumer.name],
        ["Delivered", ({ consumer }) => countText(consumer.delivered), "number"], ["Pending", ({ consumer }) => countText(consumer.pending), "number"],
        ["Skipped", ({ consumer }) => reasons(consumer.skipped)], ["Lost", ({ consumer }) => reasons(consumer.lost, "bad")],
        ["State", ({ consumer }) => Object.entries(consumer.state ?? {}).map(([name, value]) => `${name}: ${value}`).join(", ")],
      ], consumers.slice(0, page)),
  ];
}

function reasons(counts, kind) {
  const known = Object.entries(counts ?? {}).filter(([, count]) => count > 0);
  return known.length ? h("span", { class: kind }, known.map(([reason, count]) => `${reason} ${countText(count)}`).join(", ")) : "0";
}
