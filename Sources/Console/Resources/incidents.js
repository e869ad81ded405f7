// Incidents: the list, and one with its text, its collectives and the pieces that came and that didn't.
import { get, oneAtATime } from "/app/api.js";
import { h, link, rankLink, sentence, table } from "/app/dom.js";
import { bytesText, countText, timeOf } from "/app/time.js";

export function open(main, { path, signal }) {
  const id = path[0] ?? "";
  const place = h("div", null, h("p", { role: "status" }, "Asking…"));
  main.append(h("div", { class: "head" }, h("h1", null, id ? "Incident" : "Incidents"), id ? link("#/incidents", "All incidents") : ""), place);
  let before = "";
  const refresh = oneAtATime(async () => {
    try {
      const answer = id ? await get(`incidents/${encodeURIComponent(id)}`, null, signal) : await get("incidents", { limit: 100 }, signal);
      const now = JSON.stringify(answer);
      if (now === before) return;
      before = now;
      place.replaceChildren(...(id ? one(answer) : list(answer)));
    } catch (error) {
      if (!signal.aborted) place.replaceChildren(sentence(error.status === 404 ? "No such incident is in the store. It may have been removed to make room." : error.message, "notice bad"));
    }
  });
  refresh();
  return { update: ({ what }) => { if (what.has("incidents")) refresh(); } };
}

function list({ incidents, next }) {
  if (incidents.length === 0) return [sentence("No incidents. They come by themselves when a training hangs, or with `arobust dump`.")];
  return [h("ul", { class: "cards" }, incidents.map((incident) => h("li", { class: "card" },
    h("p", null, h("strong", { class: incident.hang ? "bad" : "" }, incident.hang ? "■ hang " : "○ incident "), timeOf(incident.time), " ",
      h("span", { class: "quiet" }, incident.ended ? "ended" : "still going on")),
    h("p", null, link(`#/incidents/${encodeURIComponent(incident.id)}`, incident.sentence || incident.id)),
    h("p", { class: "quiet" }, counts(incident), " · ", incident.triggers.join(", "))))),
  next ? sentence("Older incidents are not shown here; the API pages through all.", "quiet") : ""];
}

function counts(incident) {
  const nodes = incident.nodes ?? [];
  return `${countText(nodes.length)} ${nodes.length === 1 ? "node" : "nodes"}, ${countText(incident.pieces.length ?? incident.pieces)} pieces${incident.missing ? `, ${countText(incident.missing)} missing` : ""}`;
}

function one(incident) {
  const span = 60;
  return [
    h("p", { class: incident.hang ? "notice bad" : "notice" }, incident.hang ? "■ " : "", incident.sentence),
    h("p", null, timeOf(incident.time), " · ", incident.ended ? "ended" : "still going on", " · ", counts(incident), " · ",
      link(`#/stacks?incident=${encodeURIComponent(incident.id)}`, "Stacks"), " · ",
      link(`#/logs?since=${incident.time - span}&until=${incident.time + span}`, "Logs around it")),
    incident.triggers.length ? h("p", { class: "quiet" }, `Why it was recorded: ${incident.triggers.join(", ")}`) : "",
    incident.text?.length ? h("pre", { class: "report", tabindex: "0" }, incident.text.join("\n")) : "",
    h("h2", null, "Collectives"),
    incident.collectives?.length ? table("Who waits for whom", [
      ["Group", (row) => row.group], ["Operation", (row) => row.operation],
      ["Missing", (row) => h("strong", { class: "bad" }, row.missing.slice(0, 64).join(", ") || "none"), ""], ["Waiting", (row) => shortList(row.waiting)],
    ], incident.collectives.slice(0, 200)) : sentence("No collectives are known. They come with `--incidents` and flight recordings of NCCL.", "notice"),
    h("h2", null, "Pieces"),
    Array.isArray(incident.pieces) && incident.pieces.length ? table("What was collected", [
      ["From", (row) => rankLink(row.rank === null || row.rank === undefined ? String(row.node_rank) : `${row.node_rank}/${row.rank}`)],
      ["Kind", (row) => row.kind], ["Source", (row) => row.source ?? ""], ["Time", (row) => timeOf(row.time)],
      ["Size", (row) => (row.missing ? h("strong", { class: "bad" }, `✕ missing: ${row.missing}`) : bytesText(row.bytes)), "number"],
    ], incident.pieces.slice(0, 500)) : sentence("No pieces."),
  ];
}

function shortList(ranks) {
  return ranks.length > 64 ? `${ranks.slice(0, 64).join(", ")} and ${countText(ranks.length - 64)} more` : ranks.join(", ") || "none";
}
