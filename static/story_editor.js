// @ts-check
// The story in the making: the present view put in with a sentence; steps shown, moved, edited, deleted.

/** @typedef {import("./notes.js").Notes} Notes */
/** @typedef {import("./state.js").Store} Store */
import { editedStep, MOST, movedStep, withoutStep, withStep } from "./annotation.js";
import { fill, h } from "./dom.js";
import { writeView } from "./state.js";

/**
 * @param {{ notes: Notes, store: Store, player: import("./story_player.js").StoryPlayer }} parts
 * @returns {HTMLElement}
 */
export function createStoryEditor({ notes, store, player }) {
  const list = h("ol", { class: "story-steps", "data-testid": "story-steps" });
  const sentence = h("textarea", {
    ...{ id: "story-sentence", rows: 2, maxlength: MOST.sentence, "data-testid": "story-sentence" },
    ...{ placeholder: "What is to be seen in the present view?" },
  });
  const present = () => writeView({ ...store.get(), panel: null });
  const add = h(
    "form",
    {
      class: "stack-small",
      onsubmit(/** @type {Event} */ event) {
        event.preventDefault();
        const text = sentence.value.trim();
        if (!text) return sentence.focus();
        notes.change((now) => withStep(now, { view: present(), sentence: text }));
        sentence.value = "";
      },
    },
    h("label", { class: "visually-hidden", for: "story-sentence" }, "Sentence for the present view"),
    sentence,
    h("button", { "data-testid": "story-add" }, "Add the present view"),
  );
  const play = h(
    "button",
    { type: "button", "data-testid": "story-play", onclick: () => player.play(0) },
    "Play",
  );

  /** @param {string} label @param {string} sign @param {() => void} act @param {boolean} [disabled] */
  const small = (label, sign, act, disabled = false) =>
    h("button", { type: "button", class: "plain icon", "aria-label": label, disabled, onclick: act }, sign);

  /** @param {import("./types.js").StoryStep} step @param {number} i @param {number} n */
  function row(step, i, n) {
    const words = h("textarea", {
      ...{ rows: 2, maxlength: MOST.sentence, "aria-label": `Sentence of step ${i + 1}` },
      oninput: () => notes.change((now) => editedStep(now, i, { sentence: words.value })),
    });
    words.value = step.sentence;
    const move = (/** @type {number} */ by) => () => {
      notes.change((now) => movedStep(now, i, by));
      list.querySelectorAll("textarea")[i + by]?.focus();
    };
    return h(
      "li",
      {},
      words,
      h(
        "div",
        { class: "row" },
        h("button", { type: "button", class: "plain", onclick: () => player.play(i) }, "Show"),
        h(
          "button",
          {
            type: "button",
            class: "plain",
            onclick: () => notes.change((now) => editedStep(now, i, { view: present() })),
          },
          "Take the present view",
        ),
        small(`Move step ${i + 1} up`, "↑", move(-1), i === 0),
        small(`Move step ${i + 1} down`, "↓", move(1), i === n - 1),
        small(`Delete step ${i + 1}`, "×", () => notes.change((now) => withoutStep(now, i))),
      ),
    );
  }

  let drawn = "";
  function show() {
    const { story } = notes.get();
    play.hidden = story.length === 0;
    const typing =
      list.contains(document.activeElement) && document.activeElement instanceof HTMLTextAreaElement;
    const shape = JSON.stringify(story.map((step) => step.view));
    const now = JSON.stringify(story);
    if (
      now === drawn ||
      (typing &&
        JSON.stringify(JSON.parse(drawn || "[]").map((/** @type {{ view: string }} */ s) => s.view)) ===
          shape)
    )
      return;
    drawn = now;
    fill(list, ...story.map((step, i) => row(step, i, story.length)));
  }
  notes.onChange(show);
  show();
  return h("section", {}, h("div", { class: "row spread" }, h("h3", {}, "Story"), play), list, add);
}
