// @ts-check
// The page of an ablation: measure it again, copy it as a script.

/** @import { Ablation } from "./types.js" */
/** @import { AblationCheck } from "./lab_types.js" */
import { postCheck } from "./api.js";
import { copyFrom, fill, h, need, pageData } from "./dom.js";
import { redrawn } from "./figure_size.js";
import { count, duration, fixed, signed } from "./format.js";
import { steerT } from "./lab_request.js";
import { errorNotice } from "./notice.js";
import { readPalette } from "./palette.js";
import { draw } from "./plot.js";
import { steerLayout, steerTraces } from "./steer_curve.js";

const SHOWN = 20;
const button = /** @type {HTMLButtonElement} */ (need("check"));
const result = need("check-result");

for (const copy of document.querySelectorAll("[data-copy]")) {
  const element = /** @type {HTMLElement} */ (copy);
  element.addEventListener("click", () =>
    copyFrom(element, need(String(element.dataset.copy)).textContent ?? ""),
  );
}

button.addEventListener("click", run);

const figure = document.getElementById("steer-figure");
if (figure) {
  const record = /** @type {Pick<Ablation, "steering" | "request">} */ (pageData("page-data"));
  redrawn(figure, async () => {
    const { steering } = record;
    if (!steering) return;
    const palette = readPalette();
    await draw(figure, steerTraces(steering, palette), steerLayout(steerT(record), palette));
    figure.dataset.ready = "";
  });
}

async function run() {
  button.disabled = true;
  fill(result, h("p", { class: "small quiet" }, "Measuring every figure again…"));
  try {
    fill(result, ...verdictOf(await postCheck(String(button.dataset.url))));
  } catch (error) {
    fill(result, errorNotice(error));
  }
  button.disabled = false;
}

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** 2.0 · 10⁻⁷ @param {number} value */
function small(value) {
  const [number, power = "0"] = value.toExponential(1).split("e");
  const raised = [...power].map((sign) => (sign === "-" ? "⁻" : (RAISED[Number(sign)] ?? ""))).join("");
  return value === 0 ? "0" : `${number} · 10${raised}`;
}

/** @param {AblationCheck} check */
function verdictOf(check) {
  const { differences } = check;
  const now = Object.entries(check.versions_now)
    .filter(([name, value]) => check.versions_then[name] !== value)
    .map(([name, value]) => `${name} ${check.versions_then[name] ?? "unknown"} → ${value}`);
  return [
    h(
      "p",
      { class: `notice ${check.verdict === "drifted" ? "error" : ""}` },
      h("strong", { "data-testid": "verdict" }, check.verdict),
      `: ${count(check.n_figures)} figures measured again in ${duration(check.elapsed_ms / 1000)}, largest difference ` +
        `${small(check.largest_difference)} nats; allowed: ${small(check.tolerance_nats)} nats (${check.tolerance_reason}).`,
      ...check.notes.map((note) => h("span", {}, ` Note: ${note}.`)),
      now.length > 0 && h("span", {}, ` Since then: ${now.join(", ")}.`),
    ),
    differences.length > 0 &&
      h(
        "div",
        { class: "table-wrap", tabindex: 0 },
        h(
          "table",
          {},
          h(
            "caption",
            {},
            `Figures that drifted: ${count(differences.length)}; the ${SHOWN} that moved most are shown.`,
          ),
          h(
            "thead",
            {},
            h(
              "tr",
              {},
              ...["figure", "then", "now", "difference"].map((name, i) =>
                h("th", { scope: "col", class: i ? "number" : null }, name),
              ),
            ),
          ),
          h(
            "tbody",
            {},
            differences
              .slice(0, SHOWN)
              .map(({ figure, then, now: is, difference }) =>
                h(
                  "tr",
                  {},
                  h("th", { scope: "row", class: "mono" }, figure),
                  ...[fixed(then, 5), fixed(is, 5), signed(difference, 5)].map((text) =>
                    h("td", { class: "number" }, text),
                  ),
                ),
              ),
          ),
        ),
      ),
  ];
}
