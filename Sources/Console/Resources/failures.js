// Failures with their evidence, linked into the log; attempts of the training and what they were worth.
import { get, oneAtATime } from "/app/api.js";
import { h, link, rankLink, sentence, table } from "/app/dom.js";
import { lineText } from "/app/text.js";
import { countText, durationText, timeOf } from "/app/time.js";

export function open(main, { signal }) {
  const place = h("div", null, h("p", { role: "status" }, "Asking…"));
  main.append(h("div", { class: "head" }, h("h1", null, "Failures"), link("#/logs?marked=1", "All marked lines")), place);
  let before = "";
  const refresh = oneAtATime(async () => {
    try {
      const [failures, attempts] = await Promise.all([get("failures", { limit: 200 }, signal), get("attempts", null, signal)]);
      const now = JSON.stringify([failures, attempts]);
      if (now === before) return;
      before = now;
      place.replaceChildren(...failureList(failures), h("h2", null, "Attempts"), attemptTable(attempts.attempts));
    } catch (error) {
      if (!signal.aborted) place.replaceChildren(sentence(error.message, "notice bad"));
    }
  });
  refresh();
  return { update: ({ what }) => { if (what.has("failures") || what.has("metrics")) refresh(); } };
}

function failureList({ failures, next }) {
  if (failures.length === 0) return [sentence("No failures. A line of a log that a rule of `arobust rules list` hits is shown here with what to do about it.")];
  return [h("ul", { class: "cards" }, failures.map(card)), next ? sentence("Older failures are not shown here; the API pages through all.", "quiet") : ""];
}

// What the rules recommend, by their words for it; a word that is not known is shown as it is.
const actions = {
  restart_worker: "Start the ranks again on the same node.",
  relaunch_worker: "Give the node up and start its ranks on another one.",
  job_abortion: "Stop the job: starting it again would end the same way.",
  event: "Nothing by itself: the training can go on. Keep an eye on it.",
  no_action: "Nothing.",
};

export function card(failure) {
  const key = failure.rank === null || failure.rank === undefined ? String(failure.node_rank) : `${failure.node_rank}/${failure.rank}`;
  return h("li", { class: "card" },
    h("p", null, h("strong", { class: "bad" }, `✕ ${failure.title}`), " ", rankLink(key, failure.time), " ", timeOf(failure.time), " ",
      h("span", { class: "quiet" }, failure.count > 1 ? `${countText(failure.count)} times · ` : "", failure.category, failure.rule ? ` · ${failure.rule}` : "")),
    failure.action ? h("p", null, h("span", { class: "quiet" }, "What to do: "), Object.hasOwn(actions, failure.action) ? actions[failure.action] : failure.action) : "",
    h("ul", { class: "evidence" }, failure.evidence.slice(0, 10).map((line) => h("li", null,
      link(`#/logs?line=${line.id}`, timeOf(line.time)), " ", h("span", { class: "text" }, lineText(line.text.slice(0, 500)))))));
}

function attemptTable(attempts) {
  if (attempts.length === 0) return sentence("No attempts are known yet. They come from the agent's reports about a training's progress.");
  return table("Attempts and goodput", [
    ["Run", (row) => row.run ?? "–"], ["Attempt", (row) => countText(row.attempt), "number"], ["Node", (row) => rankLink(String(row.node_rank))],
    ["From", (row) => timeOf(row.first)], ["To", (row) => timeOf(row.last)], ["Steps", (row) => countText(row.steps), "number"],
    ["Lost", (row) => durationText(row.lost_seconds), "number"],
    ["Goodput", (row) => (row.goodput === null || row.goodput === undefined ? "–" : h("span", null, h("meter", { min: "0", max: "1", value: row.goodput, "aria-hidden": "true" }), ` ${(row.goodput * 100).toFixed(1)} %`)), "number"],
  ], attempts.slice(0, 500));
}
