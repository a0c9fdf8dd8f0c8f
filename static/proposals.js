// @ts-check
// Labels proposed for nodes, found once each by the server's search over held-out text, one node after another.

/** @import { LabelProposals } from "./card_types.js" */

/**
 * @param {(node: string, signal?: AbortSignal) => Promise<LabelProposals>} ask
 */
export function createProposals(ask) {
  const found = /** @type {Map<string, LabelProposals>} */ (new Map());
  const listeners = /** @type {Set<() => void>} */ (new Set());

  /** @param {string} id @param {AbortSignal} [signal] */
  async function find(id, signal) {
    const known = found.get(id);
    if (known) return known;
    const answer = await ask(id, signal);
    found.set(id, answer);
    for (const listener of listeners) listener();
    return answer;
  }

  return {
    find,
    /** @param {string} id */
    get: (id) => found.get(id),
    /** The label proposed first; none where none was asked for or found. @param {string} id */
    labelOf: (id) => found.get(id)?.proposals[0]?.label,
    /** Each of these in turn, until it is stopped. @param {string[]} ids @param {AbortSignal} signal */
    async findAll(ids, signal) {
      for (const id of ids) {
        if (signal.aborted) return;
        await find(id, signal);
      }
    },
    /** @param {() => void} listener */
    onChange(listener) {
      listeners.add(listener);
    },
  };
}

/** @typedef {ReturnType<typeof createProposals>} Proposals */
