// The frame of the page: the sentence on top, the views by their hash routes, and who is told when something changed.
import { get, oneAtATime } from "/app/api.js";
import { h, rankLink, sentence, setText } from "/app/dom.js";
import { Live } from "/app/live.js";
import { agoText } from "/app/time.js";
import * as overview from "/app/overview.js";

// A view is a module with `open(main, {path, query, signal}) -> {update(change), close()}`, both optional.
const views = {
  overview: { title: "Overview", load: async () => overview },
  logs: { title: "Logs", load: () => import("/app/logs.js") },
  metrics: { title: "Metrics", load: () => import("/app/metrics.js") },
  stacks: { title: "Stacks", load: () => import("/app/stacks.js") },
  incidents: { title: "Incidents", load: () => import("/app/incidents.js") },
  failures: { title: "Failures", load: () => import("/app/failures.js") },
  delivery: { title: "Delivery", load: () => import("/app/delivery.js") },
  rank: { title: "Rank", load: () => import("/app/rank.js") },
};
const main = document.getElementById("main");
let open = null; // {name, view, abort}
let navigations = 0;

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

async function show() {
  if (location.hash === "#main") return;
  const navigation = ++navigations;
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
    const module = await views[name].load();
    if (navigation !== navigations) return;
    const section = h("section", { class: `view ${name}` });
    main.replaceChildren(section);
    mine.view = module.open(section, { path, query, signal: abort.signal }) ?? {};
    if (!first) main.focus({ preventScroll: true });
  } catch (error) {
    if (navigation !== navigations) return;
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
