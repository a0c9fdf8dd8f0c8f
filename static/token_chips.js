// @ts-check
// A prompt as a row of tokens that can be pointed at, with the mouse or with the keyboard.

import { h } from "./dom.js";
import { visible } from "./format.js";

/**
 * Lines of tokens. `onPoint` is told the number of the token under the pointer or the keyboard's focus, null without.
 * Arrow keys go from token to token; a click holds one, until it is clicked again.
 * @param {{ text: string, marked?: boolean }[]} tokens
 * @param {(token: number | null) => void} onPoint
 */
export function tokenChips(tokens, onPoint) {
  let held = /** @type {number | null} */ (null);
  const chips = tokens.map(({ text, marked }, i) =>
    h(
      "button",
      {
        type: "button",
        class: `token-chip${marked ? " marked" : ""}`,
        "aria-pressed": "false",
        "aria-label": `token ${i + 1}: ${visible(text)}`,
        tabindex: i === tokens.length - 1 ? 0 : -1,
        onpointerenter: () => onPoint(i),
        onpointerleave: () => onPoint(held),
        onfocus: () => onPoint(i),
        onblur: () => onPoint(held),
        onclick: () => hold(held === i ? null : i),
      },
      visible(text),
    ),
  );

  /** @param {number | null} i */
  function hold(i) {
    held = i;
    chips.forEach((chip, k) => {
      chip.setAttribute("aria-pressed", String(k === i));
    });
    onPoint(i);
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const at = chips.indexOf(/** @type {any} */ (event.target));
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: chips.length - 1 }[event.key];
    const chip = next === undefined ? undefined : chips[next];
    if (!chip) return;
    event.preventDefault();
    for (const one of chips) one.tabIndex = one === chip ? 0 : -1;
    chip.focus();
  }

  const lines = /** @type {HTMLElement[][]} */ ([[]]);
  chips.forEach((chip, i) => {
    lines.at(-1)?.push(chip);
    if (tokens[i]?.text.includes("\n")) lines.push([]);
  });
  return h(
    "div",
    { class: "chip-lines", role: "group", "aria-label": "Tokens of the prompt", onkeydown: onKey },
    lines.filter((line) => line.length).map((line) => h("div", { class: "chip-line" }, ...line)),
  );
}
