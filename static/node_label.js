// @ts-check
// A proposed label of a node: the shortest condition over tokens that predicts when it fires, found by search.

/** @import { LabelProposal } from "./card_types.js" */
/** @typedef {import("./notes.js").Notes} Notes */
/** @typedef {import("./proposals.js").Proposals} Proposals */
import { withText } from "./annotation.js";
import { fill, h } from "./dom.js";
import { count, fixed, percent } from "./format.js";
import { errorNotice } from "./notice.js";

/** @param {LabelProposal["precision"]} share */
const shareWords = (share) =>
  share ? `${percent(share.value)} [${percent(share.low)}, ${percent(share.high)}]` : "none";

const WEAK =
  "no short condition of this language tells well when this node fires (F1 below 0.5 on these documents).";

/**
 * @param {Proposals} proposals
 * @param {Notes} notes
 * @returns {(id: string) => HTMLElement} for a node; the same element, filled anew for another node
 */
export function createNodeLabel(proposals, notes) {
  let node = "";
  const body = h("div", { class: "stack-small", "aria-live": "polite" });
  const element = h("section", { class: "node-proposal", "aria-label": "Proposed label" }, body);

  async function search() {
    const id = node;
    fill(body, h("p", { class: "small quiet" }, "Searching on held-out text…"));
    try {
      await proposals.find(id);
      if (id === node) show();
    } catch (error) {
      if (id === node) fill(body, errorNotice(error, search));
    }
  }

  /** @param {LabelProposal} proposal */
  const shown = (proposal) =>
    h(
      "div",
      { class: "stack-small", "data-testid": "proposal" },
      h("p", {}, h("code", { "data-testid": "proposed-rule" }, proposal.rule)),
      proposal.weak && h("p", { class: "small" }, h("strong", {}, "Weak: "), WEAK),
      h(
        "p",
        { class: "small quiet" },
        `Predicts when it ${proposal.sign === "positive" ? "rises above" : "falls below"} ${fixed(proposal.threshold, 3)}: `,
        `precision ${shareWords(proposal.precision)}, recall ${shareWords(proposal.recall)}; `,
        `${count(proposal.n_fires)} of ${count(proposal.n_tokens)} tokens fire in ${count(proposal.n_documents)} documents `,
        "that the search never saw. Brackets: 95% bootstrap interval over documents.",
      ),
      h(
        "button",
        {
          ...{ type: "button", "data-testid": "accept-label" },
          onclick: () => notes.change((now) => withText(now, "labels", node, proposal.label)),
        },
        "Use as label",
      ),
    );

  function show() {
    const answer = proposals.get(node);
    if (!answer)
      return fill(
        body,
        h(
          "button",
          { type: "button", class: "plain", "data-testid": "propose-label", onclick: search },
          "Propose a label",
        ),
      );
    fill(
      body,
      h("p", { class: "small" }, "Proposed, edit it as you like:"),
      ...answer.proposals.map(shown),
      answer.why_none && h("p", { class: "small quiet" }, answer.why_none),
    );
  }

  return (id) => {
    node = id;
    show();
    return element;
  };
}
