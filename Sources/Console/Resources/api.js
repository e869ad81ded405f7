// Calls of the console's own API. An answer that isn't one becomes an error whose message is a sentence.

export class APIError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

const patience = 15_000; // milliseconds for one answer

/** `/api/v1/` + path with parameters; null, undefined and "" are left out. Aborted by `signal` (then it throws AbortError). */
export async function get(path, parameters, signal) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters ?? {})) {
    if (value !== null && value !== undefined && value !== "") query.set(name, value);
  }
  const text = query.toString();
  const limit = AbortSignal.timeout(patience);
  let response;
  try {
    response = await fetch(`/api/v1/${path}${text ? `?${text}` : ""}`, {
      signal: signal ? AbortSignal.any([signal, limit]) : limit, headers: { accept: "application/json" },
    });
    if (response.ok) return await response.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    if (limit.aborted) throw new APIError(`The console did not answer within ${patience / 1000} s.`, 0);
    throw new APIError("The console cannot be reached. This page goes on trying.", 0);
  }
  let reason = "";
  try {
    reason = (await response.json()).error;
  } catch {
    // not JSON: the status says what there is to say
  }
  throw new APIError(reason ? String(reason) : `The console answered with status ${response.status}.`, response.status);
}

/** Runs `work` for one call at a time: while one runs, further calls become one more afterwards. */
export function oneAtATime(work) {
  let running = false;
  let again = false;
  return async function run() {
    if (running) { again = true; return; }
    running = true;
    try {
      do {
        again = false;
        await work();
      } while (again);
    } finally {
      running = false;
    }
  };
}
