// @ts-check
// The logit difference as an account: what each source adds to it, and that the entries sum to what is measured.

/** @import { Ledger, LedgerEntry } from "./panel_types.js" */
/** @typedef {import("./explorer.js").Explorer} Explorer */
import { h } from "./dom.js";
import { signed, visible } from "./format.js";

const FEW = 12;

/** @typedef {{ entry: LedgerEntry, circuit: number | null, full: number | null }} Line */

/** Entries of both runs side by side, the circuit's largest first. @param {Ledger} ledger @returns {Line[]} */
export function linesOf(ledger) {
  const lines = /** @type {Map<string, Line>} */ (new Map());
  const keyOf = (/** @type {LedgerEntry} */ entry) => `${entry.kind} ${entry.source}`;
  for (const entry of ledger.circuit.entries)
    lines.set(keyOf(entry), { entry, circuit: entry.logit_diff, full: null });
  for (const entry of ledger.full_model.entries) {
    const line = lines.get(keyOf(entry)) ?? { entry, circuit: null, full: null };
    lines.set(keyOf(entry), { ...line, full: entry.logit_diff });
  }
  const size = (/** @type {Line} */ line) => Math.abs(line.circuit ?? 0) + 1e-6 * Math.abs(line.full ?? 0);
  return [...lines.values()].sort((a, b) => size(b) - size(a));
}

/** A rounding error as people write it: `2e−7`. @param {number} value */
export const tiny = (value) =>
  value === 0 ? "0" : value.toExponential(0).replaceAll("-", "−").replace("+", "");

/**
 * @param {Ledger} ledger
 * @param {Explorer} explorer
 */
export function ledgerOf(ledger, { graph, select }) {
  const lines = linesOf(ledger);
  const max = Math.max(...lines.map((line) => Math.abs(line.circuit ?? 0)), 1e-9);
  const figure = (/** @type {number | null} */ value) =>
    h(
      "td",
      { class: `number ${value === null ? "" : value < 0 ? "negative" : "positive"}` },
      value === null ? "–" : signed(value),
    );
  const row = (/** @type {Line} */ { entry, circuit, full }) => {
    const bar = h("span", { class: `ledger-bar ${(circuit ?? 0) < 0 ? "minus" : "plus"}` });
    bar.style.width = `${(50 * Math.abs(circuit ?? 0)) / max}%`;
    const name = graph.nodes.has(entry.source)
      ? h("button", { type: "button", class: "link", onclick: () => select(entry.source) }, entry.source)
      : entry.label;
    return h(
      "tr",
      {},
      h("td", {}, name),
      h("td", { class: "ledger-track", "aria-hidden": "true" }, bar),
      figure(circuit),
      figure(full),
    );
  };
  const sum = (/** @type {string} */ words, /** @type {(run: Ledger["circuit"]) => string} */ value) =>
    h(
      "tr",
      {},
      h("th", { scope: "row", colspan: 2 }, words),
      h("td", { class: "number" }, value(ledger.circuit)),
      h("td", { class: "number" }, value(ledger.full_model)),
    );
  const head = h(
    "thead",
    {},
    h(
      "tr",
      {},
      h("th", {}, "nats from"),
      h("td", {}),
      h("th", { class: "number" }, "circuit"),
      h("th", { class: "number" }, "full model"),
    ),
  );
  const foot = h(
    "tfoot",
    { "data-testid": "ledger-sums" },
    sum("sum of all entries", (run) => signed(run.total, 4)),
    sum("measured", (run) => signed(run.measured, 4)),
    sum("sum − measured", (run) => tiny(run.total - run.measured)),
  );
  const rest = lines.slice(FEW);
  const more = h("tbody", { hidden: true }, ...rest.map(row));
  const [first, second] = ledger.candidates;
  return [
    h(
      "p",
      { class: "small" },
      "Logit of ",
      h("span", { class: "tok" }, visible(first)),
      " minus logit of ",
      h("span", { class: "tok" }, visible(second)),
      ", by who wrote it into the last token’s stream:",
    ),
    h(
      "table",
      { class: "ledger", "data-testid": "ledger" },
      head,
      h("tbody", {}, ...lines.slice(0, FEW).map(row)),
      more,
      foot,
    ),
    rest.length > 0 &&
      h(
        "button",
        {
          type: "button",
          class: "plain",
          onclick: (/** @type {Event} */ event) => {
            more.hidden = !more.hidden;
            if (event.target instanceof Element)
              event.target.textContent = more.hidden ? `Show ${rest.length} more` : "Show fewer";
          },
        },
        `Show ${rest.length} more`,
      ),
    h(
      "p",
      { class: "small quiet" },
      "Exact with the final norm’s scale held at its measured value. It says what was written, not what would happen without it: ",
      "see Cut for that. “All else” of a block is constant in the circuit: the means of what it does not keep, biases included.",
    ),
  ];
}
