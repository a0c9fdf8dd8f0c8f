// @ts-check
// The frame of every page: the theme button, the line about a lost connection, marked differences.

import { onConnection } from "./api.js";
import { markDifferences } from "./diff.js";

const root = document.documentElement;

/** @returns {"light" | "dark"} */
function shownTheme() {
  const chosen = root.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

const announceTheme = () => document.dispatchEvent(new CustomEvent("themechange"));

document.getElementById("theme-toggle")?.addEventListener("click", () => {
  root.dataset.theme = shownTheme() === "dark" ? "light" : "dark";
  try {
    localStorage.setItem("theme", root.dataset.theme);
  } catch {
    // Kept for this page only.
  }
  announceTheme();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", announceTheme);

// Where the site's menu has no room for all its words, the one of this page is in sight.
document.querySelector(".site-header [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

const banner = document.getElementById("connection");
onConnection((up) => {
  if (!banner) return;
  banner.hidden = up;
  banner.textContent = up
    ? ""
    : "The connection to the server is lost. Trying again every few seconds; nothing on this page is lost.";
});

for (const pair of document.querySelectorAll("[data-pair]")) {
  const [first, second] = pair.querySelectorAll("pre");
  if (first && second) markDifferences(first, second);
}
