// Stacks: groups of ranks that stand at the same place, the smallest first; a flame graph; samples side by side.
import { get, oneAtATime } from "/app/api.js";
import { h, link, rankLink, rankName, sentence } from "/app/dom.js";
import { flame } from "/app/flame.js";
import { countText, timeOf } from "/app/time.js";

export function open(main, { query, signal }) {
  const incident = query.get("incident") ?? "";
  const place = h("div");
  main.append(h("div", { class: "head" }, h("h1", null, "Stacks")), place);
  let shown = null;

  const refresh = oneAtATime(async () => {
    try {
      const answer = await get("stacks", { incident }, signal);
      if (shown === `${answer.time} ${answer.incident}`) return; // stacks don't change once they are there
      shown = `${answer.time} ${answer.incident}`;
      place.replaceChildren(...parts(answer));
    } catch (error) {
      if (signal.aborted) return;
      shown = null;
      place.replaceChildren(error.status === 404 && !incident ? none() : sentence(error.message, "notice bad"));
    }
  });
  refresh();
  return { update: ({ what }) => { if (!incident && (what.has("incidents") || what.has("metrics"))) refresh(); } };
}

function none() {
  return sentence("No stacks yet. They come with `--stacks` or `arobust dump`.");
}

function parts(answer) {
  if (!answer.groups?.length && !answer.flame && !answer.sides?.length) return [none()];
  return [
    h("p", { class: "quiet" }, `${countText(answer.samples)} ${answer.samples === 1 ? "sample" : "samples"} from `, timeOf(answer.time), " ",
      answer.incident ? link(`#/incidents/${encodeURIComponent(answer.incident)}`, "of this incident") : ""),
    ...groups(answer.groups ?? []),
    ...(answer.flame ? [h("h2", null, "Flame graph"), flame(answer.flame)] : []),
    ...sides(answer.sides ?? []),
  ];
}

function groups(all) {
  if (all.length === 0) return [];
  return [h("h2", null, "Groups: first whom the others wait for, then the smallest"), h("ol", { class: "groups" }, all.slice(0, 100).map((group, index) =>
    h("li", { class: "card" },
      h("details", { open: index < 2 },
        h("summary", null, h("strong", null, `${countText(group.count)} ${group.count === 1 ? "rank" : "ranks"}`),
          group.outlier ? h("span", { class: "alarm" }, " ▲ the outlier") : "", " ",
          h("span", { class: "quiet" }, group.state ?? ""), " ", h("code", null, group.text[0] ?? "no frames")),
        h("p", { class: "ranks" }, group.ranks.slice(0, 64).map((key) => [rankLink(key), " "]), group.ranks.length > 64 ? `and ${countText(group.ranks.length - 64)} more` : ""),
        group.note ? h("p", { class: "quiet" }, group.note) : "",
        frames(group.text))))),
  all.length > 100 ? sentence(`${countText(all.length - 100)} more groups are not shown.`, "quiet") : ""];
}

export function frames(list) {
  return h("ol", { class: "frames" }, list.slice(0, 300).map((frame) => h("li", null, frame)));
}

/** The samples of each rank in columns: a frame that a later sample no longer has is marked as changed. */
function sides(all) {
  const known = all.filter((side) => side.samples?.length);
  if (known.length === 0) return [];
  const choice = h("select", { onchange: () => draw() }, known.slice(0, 1000).map((side, index) => h("option", { value: index }, rankName(side.key))));
  const place = h("div", { class: "sides", tabindex: "0", role: "region", "aria-label": "Samples side by side" });
  function draw() {
    const side = known[Number(choice.value) || 0];
    place.replaceChildren(...side.samples.slice(0, 12).map((sample, index) => {
      const before = new Set(side.samples[index - 1] ?? sample);
      return h("div", { class: "card" }, h("h3", null, `Sample ${index + 1}`),
        h("ol", { class: "frames" }, sample.slice(0, 300).map((frame) => h("li", before.has(frame) ? null : { class: "changed" }, before.has(frame) ? "" : "≠ ", frame))));
    }));
  }
  draw();
  return [h("h2", null, "Samples side by side"), h("label", null, h("span", null, "Rank "), choice),
    sentence("A frame with ≠ was not in the sample before: that rank moves. One without any stands still.", "quiet"), place];
}
