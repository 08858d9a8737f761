// Faces ready to be shown: what is known of each and its decoded pictures, loaded before they are asked for.

import { ask } from "/outbox.js";

const KEPT = 48;

export class Faces {
  constructor() {
    this.loading = new Map(); // row -> promise of a face
    this.ready = new Map(); // row -> face
  }

  /** A face that can be shown at once, or undefined. */
  at(row) {
    return this.ready.get(row);
  }

  /** Loads a face and its pictures; throws where the server does not answer. */
  load(row) {
    if (!this.loading.has(row)) {
      const promise = load(row).then((face) => {
        this.ready.set(row, face);
        return face;
      });
      promise.catch(() => this.loading.delete(row)); // asked for again, it is tried again
      this.loading.set(row, promise);
    }
    return this.loading.get(row);
  }

  /** Loads faces one after the other, and forgets those that are far away. */
  async ahead(rows) {
    const near = new Set(rows);
    for (const row of [...this.loading.keys()].slice(0, Math.max(0, this.loading.size - KEPT))) {
      if (!near.has(row)) {
        this.loading.delete(row);
        this.ready.delete(row);
      }
    }
    for (const row of rows) await this.load(row).catch(() => {});
  }
}

async function load(row) {
  const { status, body } = await ask(`/api/faces/${row}`);
  if (status !== 200) throw new Error(body.error);
  const [large, ...small] = await Promise.all([
    picture(`/pictures/${row}`),
    ...(body.similar ?? []).map((each) => picture(`/pictures/${each.row}/small`)),
  ]);
  return { ...body, picture: large, similar: (body.similar ?? []).map((each, i) => ({ ...each, picture: small[i] })) };
}

/** A decoded picture, or the words that say why there is none; throws where the server does not answer. */
async function picture(address) {
  const image = new Image();
  image.src = address;
  try {
    await image.decode();
    return { image };
  } catch {
    const { status, body } = await ask(address).catch((error) => {
      if (error instanceof SyntaxError) return { status: 200, body: {} }; // a picture, and no line of JSON
      throw error;
    });
    if (status === 410) return { why: body.error };
    if (status === 200) return { why: "this browser cannot show it" };
    throw new Error(body.error);
  }
}
