// @ts-check
// The page's colours and fonts, for what is drawn by scripts.

/** @import { Palette } from "./types.js" */

/** The page's colours and fonts, as tokens.css has them for the theme now shown. @returns {Palette} */
export function readPalette() {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const colour = (/** @type {string} */ name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const font = (/** @type {string} */ name) => {
    probe.style.fontFamily = `var(--${name})`;
    return getComputedStyle(probe).fontFamily;
  };
  const palette = {
    paper: colour("paper"),
    surface: colour("surface"),
    sunk: colour("band"),
    ink: colour("ink"),
    ink2: colour("ink-2"),
    ink3: colour("ink-3"),
    rule: colour("rule"),
    ruleStrong: colour("rule-strong"),
    accent: colour("accent"),
    positive: colour("positive"),
    negative: colour("negative"),
    neutral: colour("neutral"),
    head: colour("head"),
    font: font("sans"),
    mono: font("mono"),
  };
  probe.remove();
  return palette;
}
