// @ts-check
// A palette whose mixtures are easy to work out.

/** @type {import("../../static/types.js").Palette} */
export const palette = {
  ...{ paper: "#fefefe", surface: "#ffffff", sunk: "#eeeeee" },
  ...{ ink: "#000000", ink2: "#222222", ink3: "#444444", rule: "#cccccc", ruleStrong: "#aaaaaa" },
  ...{ accent: "#006655", positive: "#ff0000", negative: "#0000ff", neutral: "#ffffff", head: "#eeeeee" },
  ...{ font: "sans", mono: "mono" },
};
