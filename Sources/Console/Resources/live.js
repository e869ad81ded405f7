// What changes, as the console tells it: server-sent events, made into at most one call a second, none while nobody looks.

const shortest = 1000; // milliseconds between two calls of onChange
const silence = 25_000; // the console speaks every 10 s; after this, the connection is dead without saying so

/**
 * `onChange({lines, last_line_id, what: Set, woke})` when something changed. After sleep, a lost connection or a hidden
 * tab, one call has `woke` and everything in `what`: the page fetches what it missed.
 * `onState("live" | "connecting" | "lost")`.
 */
export class Live {
  #onChange; #onState; #source = null; #heard = 0; #pending = null; #timer = null; #called = 0; #retry = 1000;

  constructor(onChange, onState) {
    this.#onChange = onChange;
    this.#onState = onState;
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.#wake(); });
    window.addEventListener("online", () => this.#wake());
    window.addEventListener("pageshow", (event) => { if (event.persisted) this.#wake(); });
    setInterval(() => { if (this.#source && Date.now() - this.#heard > silence) this.#reopen(); }, 5000);
    this.#open();
  }

  #open() {
    this.#heard = Date.now();
    const source = new EventSource("/api/v1/events");
    let first = this.#called > 0; // the first event after a connection that was lost stands for all that was missed
    this.#source = source;
    source.addEventListener("change", (event) => {
      if (this.#source !== source) return;
      this.#heard = Date.now();
      this.#retry = 1000;
      this.#onState("live");
      let change;
      try {
        change = JSON.parse(event.data);
      } catch {
        return;
      }
      this.#collect(change, first);
      first = false;
    });
    source.addEventListener("error", () => {
      if (this.#source !== source) return;
      this.#onState("lost");
      first = true;
      if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      this.#source = null;
      setTimeout(() => { if (!this.#source) this.#open(); }, this.#retry);
      this.#retry = Math.min(this.#retry * 2, 30_000);
    });
  }

  #reopen() {
    this.#source?.close();
    this.#source = null;
    this.#onState("connecting");
    this.#open();
  }

  #wake() {
    if (!this.#source || Date.now() - this.#heard > 12_000) this.#reopen();
    this.#collect({}, true);
  }

  #collect(change, woke) {
    const pending = this.#pending ?? { what: new Set(), woke: false, lines: 0, last_line_id: null };
    for (const name of change.what ?? []) pending.what.add(name);
    if (woke) for (const name of ["logs", "metrics", "incidents", "failures", "nodes"]) pending.what.add(name);
    pending.woke ||= woke;
    pending.lines = change.lines ?? pending.lines;
    pending.last_line_id = change.last_line_id ?? pending.last_line_id;
    this.#pending = pending;
    if (document.hidden || this.#timer !== null) return;
    const wait = Math.max(0, this.#called + shortest - Date.now());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (document.hidden) return; // kept for when somebody looks
      this.#called = Date.now();
      const ready = this.#pending;
      this.#pending = null;
      if (ready) this.#onChange(ready);
    }, wait);
  }
}
