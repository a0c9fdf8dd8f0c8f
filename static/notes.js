// @ts-check
// The notes being edited: from a kept revision or none, unsaved changes in this browser, kept by the server on demand.

/** @import { Annotation } from "./types.js" */
/** @typedef {import("./annotation.js").Written} Written */
import { isEmpty, requestOf, same, writtenIn } from "./annotation.js";

/** @typedef {Pick<Storage, "getItem" | "setItem" | "removeItem">} Shelf */

/** Where a draft lies: of a circuit, and of the revision that it was edited from. @param {string} circuit @param {string | null} from */
export const draftKey = (circuit, from) => `sparsescope-notes ${circuit} ${from ?? "new"}`;

/** A draft, if there is one that can be read. @param {Shelf | null} shelf @param {string} key @returns {Written | null} */
function readDraft(shelf, key) {
  try {
    const read = JSON.parse(shelf?.getItem(key) ?? "null");
    return read && typeof read === "object" ? writtenIn({ ...writtenIn(null), ...read }) : null;
  } catch {
    return null;
  }
}

/**
 * @param {object} parts
 * @param {string} parts.circuit
 * @param {Annotation | null} parts.kept the revision that the page was opened with
 * @param {Shelf | null} parts.shelf where drafts lie; null where the browser has none
 * @param {(body: import("./types.js").AnnotationRequest) => Promise<Annotation>} parts.post
 */
export function createNotes({ circuit, kept: first, shelf, post }) {
  let kept = first;
  let written = readDraft(shelf, draftKey(circuit, kept?.id ?? null)) ?? writtenIn(kept);
  const listeners = /** @type {Set<() => void>} */ (new Set());
  const unsaved = () => !same(written, writtenIn(kept)) && !(kept === null && isEmpty(written));

  /** Another window may have filled the shelf: notes stay in this one then. @param {() => void} act */
  function onShelf(act) {
    try {
      act();
    } catch {
      /* nothing is lost as long as the page is open */
    }
  }

  function shelve() {
    const key = draftKey(circuit, kept?.id ?? null);
    onShelf(() => (unsaved() ? shelf?.setItem(key, JSON.stringify(written)) : shelf?.removeItem(key)));
  }

  const tell = () => {
    for (const listener of listeners) listener();
  };

  return {
    get: () => written,
    kept: () => kept,
    unsaved,
    /** @param {(now: Written) => Written} change */
    change(change) {
      const now = change(written);
      if (now === written) return;
      written = now;
      shelve();
      tell();
    },
    /** Back to what is kept. */
    drop() {
      written = writtenIn(kept);
      shelve();
      tell();
    },
    /** Keep what is written as a new revision; what is typed meanwhile stays. */
    async save() {
      const sent = written;
      const answer = await post(requestOf(sent, kept?.id ?? null));
      onShelf(() => shelf?.removeItem(draftKey(circuit, kept?.id ?? null)));
      kept = answer;
      if (written === sent) written = writtenIn(kept);
      shelve();
      tell();
      return answer;
    },
    /** @param {() => void} listener */
    onChange(listener) {
      listeners.add(listener);
    },
  };
}

/** @typedef {ReturnType<typeof createNotes>} Notes */
