// Decisions on their way to the disk. Each is kept in this browser until the server has said that it is written.

const RETRY_MS = [300, 1000, 2000];
const ANSWER_MS = 8000;

/** Asks the server; throws where it does not answer, and gives {status, body} where it does. */
export async function ask(address, body) {
  const options = { signal: AbortSignal.timeout(ANSWER_MS), cache: "no-store", credentials: "same-origin" };
  if (body !== undefined) {
    Object.assign(options, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), keepalive: true });
  }
  const response = await fetch(address, options);
  return { status: response.status, body: await response.json() };
}

/** Sends decisions one after the other, in the order in which they were made. */
export class Outbox {
  /**
   * @param {string} key Under which this browser keeps what is not written yet.
   * @param {{changed: Function, written: Function, refused: Function}} told Called as things go on.
   */
  constructor(key, told) {
    this.key = key;
    this.told = told;
    this.waiting = stored(key);
    this.parked = [];
    this.trouble = "";
    this.sending = false;
  }

  /** Decisions that are not known to be written. */
  get pending() {
    return this.waiting.length + this.parked.length;
  }

  add(decision) {
    const entry = { ...decision, id: crypto.getRandomValues(new Uint32Array(2)).join("-") };
    this.waiting.push(entry);
    store(this.key, (kept) => [...kept, entry]);
    this.told.changed();
    this.send();
  }

  async send() {
    if (this.sending) return;
    this.sending = true;
    for (let tries = 0; this.waiting.length; ) {
      const { id, ...decision } = this.waiting[0];
      const trouble = await this.try(id, decision);
      if (trouble) {
        this.trouble = trouble;
        this.told.changed();
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)]));
      } else {
        this.trouble = "";
        tries = 0;
        this.told.changed();
      }
    }
    this.sending = false;
  }

  /** Sends one decision; says what is in the way, or nothing. */
  async try(id, decision) {
    let answer;
    try {
      answer = await ask("/api/decisions", decision);
    } catch {
      return "The server does not answer.";
    }
    if (answer.status === 200) {
      this.drop((entry) => entry.id === id);
      this.told.written(decision, answer.body);
    } else if (answer.status === 409) {
      this.drop((entry) => entry.row === decision.row); // what followed was said of what did not stand
      this.told.refused(decision, answer.body);
    } else if (answer.status === 404 || answer.status === 422) {
      this.parked.push(this.waiting.shift()); // stays in this browser, for a review that asks about this face again
    } else if (answer.status === 401) {
      return "The server was started anew: open the address that it printed.";
    } else {
      return `Not written: ${answer.body.error}.`;
    }
    return "";
  }

  drop(unwanted) {
    this.waiting = this.waiting.filter((entry) => !unwanted(entry));
    store(this.key, (kept) => kept.filter((entry) => !unwanted(entry)));
  }
}

function stored(key) {
  try {
    const kept = JSON.parse(localStorage.getItem(key) ?? "[]");
    return Array.isArray(kept) ? kept : [];
  } catch {
    return [];
  }
}

function store(key, change) {
  try {
    const kept = change(stored(key));
    kept.length ? localStorage.setItem(key, JSON.stringify(kept)) : localStorage.removeItem(key);
  } catch {
    // A browser that keeps nothing still has what it waits to send in memory.
  }
}
