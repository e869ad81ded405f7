// One rank: how it goes, its step times, its failures, and its lines around a time or live.
import { get, oneAtATime } from "/app/api.js";
import { Chart } from "/app/chart.js";
import { h, link, rankName, sentence, state } from "/app/dom.js";
import { card } from "/app/failures.js";
import { LogList } from "/app/loglist.js";
import { agoText, clockText, countText, durationText, timeOf } from "/app/time.js";

const around = 60; // seconds before and after the time that one came for

export function open(main, { path, query, signal }) {
  const key = path.join("/");
  const time = /^[0-9.]+$/.test(query.get("time") ?? "") ? Number(query.get("time")) : null;
  if (!/^[0-9]{1,9}(\/[0-9]{1,9})?$/.test(key)) {
    main.append(h("h1", null, rankName(key)), sentence("No rank can have this name: it is a number of a node, or that and the number of a rank, as in 3/24."));
    return {};
  }
  const [node, rank] = key.split("/");
  const facts = h("dl", { class: "facts" });
  const problem = h("div", { role: "status" });
  const chart = new Chart(`Step time of ${rankName(key)}`, 160);
  const steps = h("div", null, h("h2", null, "Step time"), chart.element);
  const failures = h("div");
  const filter = { node_rank: node, rank: rank ?? "", ...(time ? { since: time - around, until: time + around } : {}) };
  const list = new LogList({ filter, signal, live: time === null, showRank: false, onState: (error) => {
    said.replaceChildren(error ? sentence(error, "notice bad") : list.count ? "" : sentence(time ? "It wrote no line in this time." : "It has written no line yet."));
    list.element.hidden = list.count === 0;
  } });
  const said = h("div", { role: "status" });
  const address = `node_rank=${encodeURIComponent(node)}${rank ? `&rank=${encodeURIComponent(rank)}` : ""}`;
  main.append(
    h("div", { class: "head" }, h("h1", null, rankName(key)), link(`#/logs?${address}`, "Search its log"), link("#/stacks", "Stacks"), link("#/metrics", "Metrics")),
    problem, facts, steps, failures,
    h("h2", null, time ? `Lines around ${clockText(time)}` : "Lines"),
    time ? h("p", { class: "quiet" }, link(`#/rank/${encodeURIComponent(key)}`, "Show the newest"), " · ", link(`#/logs?since=${time - around}&until=${time + around}`, "All ranks at this time")) : "",
    said, list.element);

  let asked = 0;
  const refresh = oneAtATime(async () => {
    asked = Date.now();
    try {
      const range = time ? { since: time - 1800, until: time + 1800 } : { since: "-1h" };
      const [{ ranks }, heat, known, overview] = await Promise.all([
        get("ranks", { limit: 5000 }, signal), get("heatmap", { ...range, buckets: 240 }, signal), get("failures", { limit: 200 }, signal), get("overview", null, signal),
      ]);
      const mine = ranks.filter((one) => one.key === key || (rank === undefined && String(one.node_rank) === node));
      facts.replaceChildren(...(mine.length === 1 ? factsOf(mine[0], overview.now) : mine.length > 1 ? ranksOf(mine) : []));
      problem.replaceChildren(mine.length ? "" : sentence("Nothing is known of this rank. It may not have reported yet, or be of an earlier training."));
      const row = heat.rows.find((one) => one.key === key);
      const any = row?.step_seconds.some((value) => value !== null) ?? false;
      steps.hidden = !any;
      if (any) chart.update({ since: heat.since, until: heat.until, rows: [{ key, values: row.step_seconds }], slowest: null, marker: time });
      const own = known.failures.filter((one) => String(one.node_rank) === node && (rank === undefined || String(one.rank) === rank));
      failures.replaceChildren(...(own.length ? [h("h2", null, "Failures"), h("ul", { class: "cards" }, own.slice(0, 10).map(card))] : []));
    } catch (error) {
      if (!signal.aborted) problem.replaceChildren(sentence(error.message, "notice bad"));
    }
  });

  refresh();
  list.start();
  return {
    update: ({ what }) => {
      if (time === null && what.has("logs")) list.count ? list.catchUp() : list.start();
      if (Date.now() - asked > 5000) refresh(); // all ranks come with it: not each second
    },
    close: () => chart.close(),
  };
}

function fact(name, ...value) {
  return h("div", null, h("dt", null, name), h("dd", null, value));
}

function factsOf(rank, now) {
  return [
    fact("State", state(rank.state), rank.alarm ? ` ${rank.alarm}` : ""), fact("Step", countText(rank.step)),
    fact("Step time", durationText(rank.step_seconds)), fact("Last step", timeOf(rank.last_step), ` ${agoText(rank.last_step, now)}`),
    fact("Last line", timeOf(rank.last_line), ` ${agoText(rank.last_line, now)}`), fact("Lines", countText(rank.lines)),
  ];
}

function ranksOf(ranks) {
  return ranks.slice(0, 64).map((rank) => h("div", null, h("dt", null, link(`#/rank/${encodeURIComponent(rank.key)}`, rankName(rank.key))), h("dd", null, state(rank.state))));
}
