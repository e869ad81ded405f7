// The frame of the page: the sentence on top, the views by their hash routes, and who is told when something changed.
import { get, oneAtATime } from "/app/api.js";
import { h, rankLink, sentence, setText } from "/app/dom.js";
import { Live } from "/app/live.js";
import { agoText } from "/app/time.js";
import * as delivery from "/app/delivery.js";
import * as failures from "/app/failures.js";
import * as incidents from "/app/incidents.js";
import * as logs from "/app/logs.js";
import * as metrics from "/app/metrics.js";
import * as overview from "/app/overview.js";
import * as rank from "/app/rank.js";
import * as stacks from "/app/stacks.js";

// A view is a module with `open(main, {path, query, signal}) -> {update(change), close()}`, both optional. All are loaded
// with the page, so that a view opens also while the console is away (it says so, and catches up).
const views = {
  overview: { title: "Overview", module: overview },
  logs: { title: "Logs", module: logs },
  metrics: { title: "Metrics", module: metrics },
  stacks: { title: "Stacks", module: stacks },
  incidents: { title: "Incidents", module: incidents },
  failures: { title: "Failures", module: failures },
  delivery: { title: "Delivery", module: delivery },
  rank: { title: "Rank", module: rank },
};
const main = document.getElementById("main");
let open = null; // {name, view, abort}

function route() {
  const [path, search] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const parts = path.split("/");
  const name = Object.hasOwn(views, parts[0]) ? parts[0] : parts[0] === "" ? "overview" : null;
  let rest;
  try {
    rest = parts.slice(1).map(decodeURIComponent);
  } catch {
    rest = [];
  }
  return { name, path: rest, query: new URLSearchParams(search ?? "") };
}

function show() {
  if (location.hash === "#main") return;
  const { name, path, query } = route();
  open?.abort.abort();
  open?.view?.close?.();
  const abort = new AbortController();
  const mine = { name, view: null, abort };
  const first = open === null;
  open = mine;
  for (const item of document.querySelectorAll("nav a")) {
    if (item.dataset.view === name) item.setAttribute("aria-current", "page");
    else item.removeAttribute("aria-current");
  }
  const title = name ? views[name].title : "Not found";
  document.title = `${title} · arobust console`;
  if (!name) {
    main.replaceChildren(h("h1", null, "No such view"), sentence("The address names no view of this page. The views are listed above."));
    return;
  }
  try {
    const section = h("section", { class: `view ${name}` });
    main.replaceChildren(section);
    mine.view = views[name].module.open(section, { path, query, signal: abort.signal }) ?? {};
    if (!first) main.focus({ preventScroll: true });
  } catch (error) {
    main.replaceChildren(sentence(`This view cannot be shown: ${error.message}`, "notice bad"));
  }
}

const text = Object.fromEntries(["sentence", "freshness", "verdict", "others", "job", "live"].map((id) => [id, document.getElementById(id)]));

const refreshVerdict = oneAtATime(async () => {
  let answer;
  try {
    answer = await get("overview");
  } catch (error) {
    text.verdict.dataset.level = "critical";
    setText(text.sentence, error.message);
    return;
  }
  const { freshness, now } = answer;
  // One sentence, not what a program wrote around it: the link leads to the rest.
  const verdict = { ...answer.verdict, text: answer.verdict.text.length > 200 ? `${answer.verdict.text.slice(0, 199)}…` : answer.verdict.text };
  text.verdict.dataset.level = verdict.level;
  if (text.sentence.textContent !== verdict.text || (text.sentence.firstElementChild?.getAttribute("href") ?? null) !== (verdict.link ?? null)) {
    text.sentence.replaceChildren(safeLink(verdict.link) ? h("a", { href: verdict.link }, verdict.text) : verdict.text);
  }
  setText(text.job, answer.job ?? "");
  const silent = freshness.silent ?? [];
  text.freshness.replaceChildren(
    `${freshness.heard} of ${freshness.nodes} ${freshness.nodes === 1 ? "node" : "nodes"} heard in the last ${freshness.within_seconds} s`,
    ...silent.slice(0, 3).flatMap(({ node_rank, last_heard }) => ["; ", rankLink(String(node_rank)), ` last ${agoText(last_heard, now)}`]),
    silent.length > 3 ? `; ${silent.length - 3} more silent` : "",
    verdict.since ? ` · so for ${agoText(verdict.since, now).replace(" ago", "")}` : "");
  const others = answer.others ?? [];
  text.others.hidden = others.length === 0;
  setText(text.others.firstElementChild, `${others.length} more ${others.length === 1 ? "thing needs" : "things need"} a look`);
  text.others.lastElementChild.replaceChildren(...others.map((other) =>
    h("li", { "data-level": other.level }, h("strong", null, other.level), " ", safeLink(other.link) ? h("a", { href: other.link }, other.text) : other.text)));
});

/** Links of the console lead to views of this page, and nowhere else. */
function safeLink(target) {
  return typeof target === "string" && target.startsWith("#/");
}

const stateTexts = { live: "Live", connecting: "Connecting", lost: "Not connected, trying again" };
let updates = 0;
new Live(
  (change) => {
    refreshVerdict();
    open?.view?.update?.(change);
    updates += 1;
    document.documentElement.dataset.updates = String(updates); // how often, for tests
  },
  (name) => {
    text.live.dataset.state = name;
    setText(text.live, stateTexts[name]);
  });

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
window.addEventListener("hashchange", show);
refreshVerdict();
show();
