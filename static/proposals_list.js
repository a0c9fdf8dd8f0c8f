// @ts-check
// Labels proposed for all nodes of a circuit: asked for in one go, stopped at will, taken one by one.

/** @typedef {import("./notes.js").Notes} Notes */
/** @typedef {import("./proposals.js").Proposals} Proposals */
import { withText } from "./annotation.js";
import { fill, h } from "./dom.js";
import { percent, plural } from "./format.js";
import { errorNotice } from "./notice.js";

/**
 * @param {object} parts
 * @param {string[]} parts.ids of nodes, weightiest first
 * @param {Notes} parts.notes
 * @param {Proposals} parts.proposals
 * @param {(ids: string[]) => void} parts.selectAll
 */
export function createProposalsList({ ids, notes, proposals, selectAll }) {
  let running = /** @type {AbortController | null} */ (null);
  const trouble = h("div", {});
  const state = h("span", { class: "small quiet", role: "status" });
  const list = h("ul", { class: "note-list", "data-testid": "proposals" });
  const button = h("button", { type: "button", "data-testid": "propose-all", onclick: toggle });

  async function toggle() {
    if (running) return running.abort();
    const mine = new AbortController();
    running = mine;
    fill(trouble);
    show();
    try {
      await proposals.findAll(ids, mine.signal);
    } catch (error) {
      if (!mine.signal.aborted) fill(trouble, errorNotice(error, toggle));
    }
    running = null;
    show();
  }

  /** @param {string} id */
  function row(id) {
    const proposal = proposals.get(id)?.proposals[0];
    if (!proposal) return [];
    const taken = notes.get().labels[id] === proposal.label;
    const shares = [
      proposal.weak && "weak",
      proposal.precision && `precision ${percent(proposal.precision.value)}`,
      proposal.recall && `recall ${percent(proposal.recall.value)}`,
    ];
    const use = h(
      "button",
      {
        ...{ type: "button", disabled: taken, "aria-label": `Use the label proposed for ${id}` },
        onclick: () => notes.change((now) => withText(now, "labels", id, proposal.label)),
      },
      taken ? "In use" : "Use",
    );
    return [
      h(
        "li",
        {},
        h(
          "span",
          { class: "grow" },
          h("button", { type: "button", class: "link nowrap", onclick: () => selectAll([id]) }, id),
          h("br"),
          h("code", {}, proposal.label),
          h("span", { class: "small quiet" }, ` ${shares.filter(Boolean).join(", ")}`),
        ),
        use,
      ),
    ];
  }

  function show() {
    const done = ids.filter((id) => proposals.get(id)).length;
    const [good = [], weak = []] = [false, true].map((is) =>
      ids.filter((id) => proposals.get(id)?.proposals[0]?.weak === is),
    );
    button.textContent = running
      ? "Stop"
      : done && done < ids.length
        ? `Propose the other ${ids.length - done}`
        : `Propose a label for each of ${plural(ids.length, "node")}`;
    button.hidden = !running && done === ids.length;
    state.textContent = running
      ? `Searching on held-out text: ${done} of ${ids.length}`
      : done
        ? `${good.length} of ${plural(done, "node")} searched have one${weak.length ? `, ${weak.length} a weak one (F1 below 0.5), listed last` : ""}; the search box finds them too.`
        : "";
    const focused = document.activeElement?.getAttribute("aria-label");
    fill(list, ...[...good, ...weak].flatMap(row));
    for (const one of list.querySelectorAll("button"))
      if (focused && one.getAttribute("aria-label") === focused) one.focus();
  }
  proposals.onChange(show);
  notes.onChange(show);
  show();

  return h(
    "section",
    {},
    h("h3", {}, "Proposed labels"),
    h(
      "p",
      { class: "small quiet" },
      "The shortest condition over tokens that predicts when a node fires, with its figures on text that the search never saw.",
    ),
    h("div", { class: "row" }, button, state),
    trouble,
    list,
  );
}
