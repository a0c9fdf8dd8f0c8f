// @ts-check
// The one prompt of the page that is run as it is typed: the Prompt panel writes it, the Node panel reads it too.

/** @import { PromptTrace } from "./panel_types.js" */
/** @typedef {import("./explorer.js").Explorer} Explorer */
import { postTrace } from "./api.js";

/** What is known of the prompt now. @typedef {{ prompt: string, trace: PromptTrace | null, error: unknown, busy: boolean }} Live */

const PAUSE_MS = 180;
const prompts = /** @type {WeakMap<object, ReturnType<typeof create>>} */ (new WeakMap());

/** The live prompt of an explorer, the same for all its panels. @param {Explorer} explorer */
export function livePrompt({ graph, store }) {
  const found = prompts.get(store) ?? create(graph, store);
  prompts.set(store, found);
  return found;
}

/** @param {Explorer["graph"]} graph @param {Explorer["store"]} store */
function create({ circuit }, store) {
  let live = /** @type {Live} */ ({
    prompt: store.get().prompt ?? circuit.example.prompts[0],
    trace: null,
    error: null,
    busy: false,
  });
  let waiting = new AbortController();
  let timer = 0;
  const listeners = /** @type {Set<(live: Live) => void>} */ (new Set());

  /** @param {Partial<Live>} change */
  function set(change) {
    live = { ...live, ...change };
    for (const listener of listeners) listener(live);
  }

  async function run() {
    clearTimeout(timer);
    waiting.abort();
    waiting = new AbortController();
    const { signal } = waiting;
    set({ busy: true });
    try {
      const trace = await postTrace(circuit.id, live.prompt, signal);
      if (!signal.aborted) set({ trace, error: null, busy: false });
    } catch (error) {
      if (!signal.aborted) set({ trace: null, error, busy: false });
    }
  }

  return {
    get: () => live,
    run,
    /** Take another prompt; it runs at once, or once the typing pauses. @param {string} prompt @param {boolean} [typing] */
    write(prompt, typing = false) {
      set({ prompt });
      store.set({ prompt: prompt || null, panel: "prompt" });
      clearTimeout(timer);
      if (!prompt) {
        waiting.abort();
        set({ trace: null, error: new Error("Type a prompt first."), busy: false });
      } else if (typing) timer = window.setTimeout(run, PAUSE_MS);
      else run();
    },
    /** Run the prompt unless that was done. */
    start() {
      if (!live.trace && !live.busy && !live.error) run();
    },
    /** @param {(live: Live) => void} listener */
    onChange: (listener) => listeners.add(listener),
  };
}

/** @typedef {ReturnType<typeof create>} LivePrompt */
