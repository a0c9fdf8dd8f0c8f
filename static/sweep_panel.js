// @ts-check
// The effect of every node and every edge at once: a table that sorts, colours on the graph, a file to take along.

/** @import { Sweep } from "./lab_types.js" */
/** @typedef {import("./explorer.js").Explorer} Explorer */
import { postSweep, postSweepJob } from "./api.js";
import { fill, h } from "./dom.js";
import { fixed, percent, plural, signed } from "./format.js";
import { showJob } from "./job_view.js";
import { lightOf } from "./light.js";
import { errorNotice } from "./notice.js";
import { foldsOf, segmented } from "./section.js";
import { select } from "./selection.js";

const FEW = 40;

/** One line of the table. @typedef {{ part: string, ends: string[], words: string, effect: import("./types.js").Interval, accuracy: number }} Line */
/** @typedef {"part" | "effect" | "accuracy"} Column */
/** @typedef {{ by: Column, up: boolean }} Order */

/** @param {Sweep} sweep @param {"nodes" | "edges"} kind @returns {Line[]} */
export const linesOf = (sweep, kind) =>
  kind === "nodes"
    ? sweep.nodes.map(({ node, label, effect_nats, accuracy_change }) => ({
        ...{ part: node, ends: [node], words: label, effect: effect_nats, accuracy: accuracy_change },
      }))
    : sweep.edges.map(({ source, target, weight, effect_nats, accuracy_change }) => ({
        ...{ part: `${source}->${target}`, ends: [source, target], words: `weight ${signed(weight)}` },
        ...{ effect: effect_nats, accuracy: accuracy_change },
      }));

/** Equal ones stay as they were. @param {Line[]} lines @param {Order} order */
export function sorted(lines, { by, up }) {
  const sign = up ? 1 : -1;
  const value = (/** @type {Line} */ line) => (by === "effect" ? line.effect.value : line.accuracy);
  return lines.toSorted((a, b) =>
    by === "part"
      ? sign * a.part.localeCompare(b.part, "en", { numeric: true })
      : sign * (value(a) - value(b)),
  );
}

/** @param {Explorer} explorer @param {(ids: string[]) => void} put into the lab */
export function createSweep(explorer, put) {
  const { graph, store } = explorer;
  let mode = /** @type {Sweep["mode"]} */ ("mean");
  let kind = /** @type {"nodes" | "edges"} */ ("nodes");
  let order = /** @type {Order} */ ({ by: "effect", up: false });
  let all = false;
  let found = /** @type {Sweep | null} */ (null);
  const out = h("div", { class: "stack-small", "aria-live": "polite", "data-testid": "sweep" });
  const measure = h("button", { type: "button", onclick: run }, "Measure all");
  const colour = h("button", { type: "button", "aria-pressed": "false", onclick: paint }, "Colour the graph");

  async function run() {
    measure.disabled = true;
    fill(
      out,
      h("p", { class: "small quiet" }, "Cutting every node and every edge, each alone, on 64 pairs…"),
    );
    const asked = { mode, n_pairs: 64, seed: 0 };
    try {
      if (isLarge(asked)) await later(asked);
      else show(await postSweep(graph.circuit.id, asked));
    } catch (error) {
      fill(out, errorNotice(error, run));
    }
    measure.disabled = false;
  }

  /** @param {Sweep} sweep */
  function show(sweep) {
    found = sweep;
    all = false;
    render();
    if (colour.getAttribute("aria-pressed") === "true") light();
  }

  /** Whether the server does it as a job alone. @param {import("./lab_types.js").SweepRequest} asked */
  function isLarge(asked) {
    const { n_nodes, n_edges } = graph.circuit;
    const most = Number(document.getElementById("panel-cut")?.dataset.sweepPrompts ?? Infinity);
    return 2 * asked.n_pairs * (n_nodes + (asked.mode === "resample" ? 0 : n_edges)) > most;
  }

  /** A large one is a job: it shows how far it is, can be cancelled, and is fetched once it is done. @param {import("./lab_types.js").SweepRequest} asked */
  async function later(asked) {
    const place = h("div", { class: "stack-small", "data-testid": "sweep-job" });
    const job = await postSweepJob(graph.circuit.id, asked);
    fill(out, place);
    const leave = showJob(place, job, {
      onFinal: async (ended) => {
        if (ended.state !== "done" || !place.isConnected) return;
        leave();
        try {
          show(await postSweep(graph.circuit.id, asked));
        } catch (error) {
          fill(out, errorNotice(error, run));
        }
      },
    });
  }

  function light() {
    if (!found) return;
    const scale = Math.max(...found.nodes.map((node) => Math.abs(node.effect_nats.value)));
    explorer.light(
      lightOf(found.nodes.map(({ node, effect_nats }) => ({ id: node, value: effect_nats.value, scale }))),
      { max: scale, words: "nats the loss rises in the table of all nodes (square-root scale)" },
    );
  }

  function paint() {
    const on = colour.getAttribute("aria-pressed") !== "true";
    colour.setAttribute("aria-pressed", String(on));
    if (on) light();
    else explorer.light(null);
  }

  /** @param {Column} by @param {string} words */
  function head(by, words) {
    const on = order.by === by;
    return h(
      "th",
      {
        scope: "col",
        class: by === "part" ? null : "number",
        "aria-sort": on ? (order.up ? "ascending" : "descending") : "none",
      },
      h(
        "button",
        {
          type: "button",
          class: "plain sort",
          onclick: () => {
            order = { by, up: on ? !order.up : by === "part" };
            render();
            /** @type {HTMLElement | null} */ (
              out.querySelector(`[aria-sort]:not([aria-sort=none]) button`)
            )?.focus();
          },
        },
        `${words}${on ? (order.up ? " ↑" : " ↓") : ""}`,
      ),
    );
  }

  /** @param {Line} line */
  const row = (line) =>
    h(
      "tr",
      {},
      h(
        "td",
        {},
        h(
          "button",
          {
            type: "button",
            class: "link",
            onclick: () => store.set({ ...select(store.get(), line.ends), panel: "cut" }),
          },
          ...line.part.split("->").flatMap((end, i) => (i ? ["->", h("wbr"), end] : [end])),
        ),
        h(
          "div",
          { class: "row" },
          h("span", { class: "quiet small" }, line.words),
          h(
            "button",
            {
              type: "button",
              class: "link small",
              "aria-label": `Cut ${line.part}`,
              onclick: () => put([line.part]),
            },
            "Cut",
          ),
        ),
      ),
      h(
        "td",
        { class: `number ${line.effect.value < 0 ? "negative" : "positive"}` },
        signed(line.effect.value),
        h(
          "span",
          { class: "quiet small interval" },
          `[${fixed(line.effect.low, 3)}, ${fixed(line.effect.high, 3)}]`,
        ),
      ),
      h(
        "td",
        { class: "number" },
        line.accuracy ? `${line.accuracy > 0 ? "+" : "−"}${percent(Math.abs(line.accuracy))}` : "0",
      ),
    );

  function render() {
    if (!found) return;
    const lines = sorted(linesOf(found, kind), order);
    const shown = all ? lines : lines.slice(0, FEW);
    const rest = lines.length - shown.length;
    fill(
      out,
      h(
        "div",
        { class: "row" },
        segmented(
          "Parts",
          [
            ["nodes", "nodes"],
            ["edges", "edges"],
          ],
          kind,
          (chosen) => {
            kind = chosen;
            render();
          },
        ),
        colour,
        h(
          "a",
          {
            class: "button",
            href: `${graph.circuit.url}/sweeps.csv?mode=${found.mode}&n_pairs=${found.n_pairs}`,
            download: "",
          },
          "CSV",
        ),
      ),
      lines.length
        ? h(
            "div",
            { class: "table-wrap", tabindex: 0, role: "region", "aria-label": "Effects of single cuts" },
            h(
              "table",
              { class: "lab-table sweep-table", "data-testid": "sweep-table" },
              h(
                "thead",
                {},
                h(
                  "tr",
                  {},
                  head("part", kind === "nodes" ? "node" : "edge"),
                  head("effect", "effect, nats"),
                  head("accuracy", "accuracy"),
                ),
              ),
              h("tbody", {}, shown.map(row)),
            ),
          )
        : h("p", { class: "small" }, `Not swept: ${found.left_out ?? "there are none"}.`),
      rest > 0 &&
        h(
          "button",
          {
            type: "button",
            class: "plain",
            onclick: () => {
              all = true;
              render();
            },
          },
          `Show ${rest} more`,
        ),
      h(
        "p",
        { class: "small quiet" },
        `What the circuit’s loss rises by when one part is set to ${words(found.mode)}; ${plural(found.n_pairs, "held-out pair")}, exact; brackets: 95% bootstrap interval over pairs. ` +
          `Colours: effects of nodes on a scale of their largest. Measured in ${fixed(found.elapsed_ms / 1000, 1)} s.`,
      ),
    );
  }

  const section = h(
    "details",
    { class: "side-section", "data-testid": "sweep-section" },
    h("summary", {}, "Every node and every edge, one by one"),
    h(
      "div",
      { class: "section-body stack-small" },
      h(
        "div",
        { class: "row" },
        segmented(
          "Set each to",
          [
            ["mean", "mean"],
            ["zero", "zero"],
            ["resample", "resample"],
          ],
          mode,
          (chosen) => {
            mode = chosen;
          },
        ),
        measure,
      ),
      out,
    ),
  );
  return foldsOf(store)("sweep", section);
}

/** @param {Sweep["mode"]} mode */
const words = (mode) =>
  mode === "mean" ? "its mean" : mode === "zero" ? "zero" : "what it does on a random prompt of another pair";
