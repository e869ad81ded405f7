// A list of log lines of which only a window is in the page: at most `most` rows, however many lines there are.
import { get } from "/app/api.js";
import { h, rankLink } from "/app/dom.js";
import { lineText, wordsOf } from "/app/text.js";
import { bytesText, countText, timeOf } from "/app/time.js";

export const most = 800; // rows in the page
const batch = 200; // lines of one call
const long = 800; // characters of a line that is shown as its beginning until one asks for more

/** One line, gap or failure as an element. */
export function rowOf(line, wanted, showRank = true) {
  const key = line.rank === null || line.rank === undefined ? String(line.node_rank) : `${line.node_rank}/${line.rank}`;
  if (line.gap) {
    return h("div", { class: "gap", role: "listitem", "data-id": line.id }, timeOf(line.time), " ", rankLink(key, line.time),
      h("span", null, ` ${countText(line.gap.count)} ${line.gap.count === 1 ? "message is" : "messages are"} missing here (${line.type}, ${line.gap.from.join(":")} to ${line.gap.through.join(":")})`));
  }
  const text = h("span", { class: "text" }, lineText(line.text, wanted));
  const row = h("div", { class: line.mark ? "line marked" : "line", role: "listitem", "data-id": line.id },
    h("a", { class: "when", href: `#/logs?line=${line.id}`, "aria-label": "Link to this line" }, timeOf(line.time)),
    showRank ? h("span", { class: "who" }, rankLink(key, line.time)) : null,
    line.mark ? h("strong", { class: "mark", title: line.mark.rule }, `✕ ${line.mark.title}`) : null, text);
  if (line.text.length > long) {
    text.classList.add("long");
    if (!line.truncated) row.append(h("button", { type: "button", class: "small", onclick: (event) => { text.classList.remove("long"); event.target.remove(); } }, "Show all of it"));
  }
  if (line.truncated) {
    row.append(h("button", { type: "button", class: "small", onclick: async (event) => {
      event.target.disabled = true;
      try {
        const { line: whole } = await get(`logs/${line.id}`, { context: 0 });
        text.replaceChildren(...lineText(whole.text, wanted));
        text.classList.remove("long");
        event.target.replaceWith(h("span", { class: "quiet" }, ` ${bytesText(whole.text.length)}`));
      } catch (error) {
        event.target.replaceWith(h("span", { class: "quiet" }, ` ${error.message}`));
      }
    } }, "Show the whole line"));
  }
  return row;
}

const inOrder = (a, b) => a.time - b.time || a.id - b.id;

/** Lines of `filter` (parameters of `logs`), the newest at the end, followed while the list is scrolled to its end. */
export class LogList {
  #lines = []; #filter; #signal; #wanted; #older = null; #newer = 0; #waiting = 0; #busy = false; #cut = false; #said; #live; #showRank;

  constructor({ filter, signal, live, showRank = true, onState }) {
    this.#filter = filter;
    this.#signal = signal;
    this.#wanted = wordsOf(filter.query ?? "");
    this.#live = live;
    this.#showRank = showRank;
    this.#said = onState;
    this.box = h("div", { class: "lines", role: "list", tabindex: "0", "aria-label": "Log lines, oldest first", onscroll: () => this.#scrolled() });
    this.jump = h("button", { type: "button", class: "jump", hidden: true, onclick: () => this.start() }, "");
    this.element = h("div", { class: "loglist" }, this.box, this.jump);
  }

  get following() { return this.#live && !this.#cut && this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 40; }

  /** Loads the newest lines and shows the end. */
  async start() {
    await this.#exclusively(async () => {
      const answer = await get("logs", { ...this.#filter, order: "desc", limit: batch }, this.#signal);
      this.#lines = answer.lines.reverse();
      this.#older = answer.next ?? null;
      this.#cut = false;
      this.#waiting = 0;
      // Gaps have ids of their own kind only in some stores, but every line that is newer has a larger one.
      this.#newer = Math.max(this.#newer, ...this.#lines.map((line) => line.id));
      this.box.replaceChildren(...this.#lines.map((line) => this.#row(line)));
      this.box.scrollTop = this.box.scrollHeight;
    });
    this.#tell();
  }

  /** Fetches what has come since; adds it to the page if its end is in view, counts it otherwise. */
  async catchUp() {
    await this.#exclusively(async () => {
      const following = this.following;
      for (let calls = 0; calls < 5; calls += 1) {
        const answer = await get("logs", { ...this.#filter, newer: this.#newer, limit: following ? 1000 : batch }, this.#signal);
        this.#newer = Math.max(this.#newer, answer.last_id ?? 0, ...answer.lines.map((line) => line.id));
        if (following) this.#add(answer.lines);
        else this.#waiting += answer.lines.length;
        if (!answer.next || answer.lines.length === 0) break;
      }
      if (following) this.box.scrollTop = this.box.scrollHeight;
      else this.#cut ||= this.#waiting > 0; // the end of the page is no longer the end of the log
    });
    this.#tell();
  }

  #add(lines) {
    for (const line of lines) {
      let place = this.#lines.length;
      while (place > 0 && inOrder(this.#lines[place - 1], line) > 0) place -= 1;
      if (place > 0 && this.#lines[place - 1].id === line.id) continue;
      this.#lines.splice(place, 0, line);
      this.box.insertBefore(this.#row(line), this.box.children[place] ?? null);
    }
    while (this.#lines.length > most) {
      this.#lines.shift();
      this.box.firstElementChild.remove();
      this.#older = "time"; // the cursor no longer fits: older lines are asked for by time
    }
  }

  async #earlier() {
    await this.#exclusively(async () => {
      if (this.#older === null || this.#lines.length === 0) return;
      const first = this.#lines[0];
      const place = this.#older === "time" ? { until: first.time + 0.001 } : { after: this.#older };
      const answer = await get("logs", { ...this.#filter, ...place, order: "desc", limit: batch }, this.#signal);
      const known = new Set(this.#lines.slice(0, batch).map((line) => line.id));
      const lines = answer.lines.reverse().filter((line) => !known.has(line.id));
      this.#older = answer.next ?? null;
      const before = this.box.scrollHeight;
      this.#lines.unshift(...lines);
      this.box.prepend(...lines.map((line) => this.#row(line)));
      this.box.scrollTop += this.box.scrollHeight - before;
      while (this.#lines.length > most) {
        this.#lines.pop();
        this.box.lastElementChild.remove();
        this.#cut = true;
      }
    });
    this.#tell();
  }

  /** Past the end of a page that is no longer the end of the log: what follows, until there is no more of it. */
  async #later() {
    await this.#exclusively(async () => {
      const since = this.#lines.at(-1)?.time;
      let after = null;
      for (let calls = 0; calls < 5; calls += 1) {
        const place = after === null ? { since } : { since, after };
        const answer = await get("logs", { ...this.#filter, ...place, order: "asc", limit: batch }, this.#signal);
        const before = this.#lines.at(-1)?.id;
        this.#add(answer.lines);
        this.#newer = Math.max(this.#newer, ...answer.lines.map((line) => line.id));
        after = answer.next;
        if (after === null || after === undefined) { this.#cut = false; this.#waiting = 0; break; }
        if (this.#lines.at(-1)?.id !== before) break;
      }
    });
    this.#tell();
  }

  async #exclusively(work) {
    if (this.#busy) return;
    this.#busy = true;
    try {
      await work();
      this.#said(null);
    } catch (error) {
      if (!this.#signal.aborted) this.#said(error.message);
    } finally {
      this.#busy = false;
    }
  }

  #scrolled() {
    if (this.box.scrollTop < 200 && this.#older !== null) this.#earlier();
    else if (this.#cut && this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 40) this.#later();
    this.#tell();
  }

  #tell() {
    const away = this.#live && !this.following;
    this.jump.hidden = !away;
    const text = this.#waiting > 0 ? `Paused. ${countText(this.#waiting)} new: show the newest ↓` : "Paused: show the newest ↓";
    if (this.jump.textContent !== text) this.jump.textContent = text;
    this.box.dataset.following = String(!away);
  }

  #row(line) { return rowOf(line, this.#wanted, this.#showRank); }
  get count() { return this.#lines.length; }
}
