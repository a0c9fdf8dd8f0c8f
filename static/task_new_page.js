// @ts-check
// The form for a task of one's own: pairs pasted or from a file, checked token by token, then saved.

/** @import { PairTokens, TaskCheck, TaskRequest } from "./types.js" */
import { checkTask, getExamplePairs, postTask } from "./api.js";
import { arm, fill, h, need } from "./dom.js";
import { count, plural, visible } from "./format.js";
import { errorNotice } from "./notice.js";

const form = /** @type {HTMLFormElement} */ (need("task-form"));
const pairs = /** @type {HTMLTextAreaElement} */ (need("task-pairs"));
const title = /** @type {HTMLInputElement} */ (need("task-title"));
const result = need("task-result");
const buttons = /** @type {HTMLButtonElement[]} */ ([...form.querySelectorAll("button")]);

/** @returns {TaskRequest} */
function asked() {
  const given = new FormData(form);
  const text = (/** @type {string} */ name) => String(given.get(name) ?? "");
  return {
    title: text("title") || "unnamed",
    question: text("question"),
    model: text("model"),
    pairs: pairs.value,
  };
}

/** @param {TaskCheck} check */
function faults({ faults, n_faults }) {
  const more = n_faults - faults.length;
  return h(
    "div",
    { class: "notice error", role: "alert", "data-testid": "faults" },
    h("p", {}, `${plural(n_faults, "fault")}; nothing is saved yet.`),
    h(
      "ul",
      {},
      faults.map((fault) => h("li", {}, fault)),
    ),
    more > 0 && h("p", {}, `and ${count(more)} more`),
  );
}

/** @param {string[]} tokens @param {string} answer */
const tokenLine = (tokens, answer) =>
  h(
    "p",
    { class: "token-line" },
    tokens.map((token) => h("span", { class: "tok" }, visible(token))),
    h("span", { class: "tok answer", title: "answer" }, visible(answer)),
  );

/** @param {PairTokens} pair */
const previewed = ({ prompts, answers }) =>
  h("li", {}, tokenLine(prompts[0], answers[0]), tokenLine(prompts[1], answers[1]));

/** @param {TaskCheck} check */
function show(check) {
  const { n_pairs, n_train, n_heldout, preview } = check;
  fill(
    result,
    check.n_faults > 0 && faults(check),
    h(
      "p",
      { "data-testid": "split" },
      `${plural(n_pairs, "pair")} can be used: ${count(n_train)} to prune on, ${count(n_heldout)} held out.`,
    ),
    preview.length > 0 &&
      h(
        "section",
        { "aria-label": "Tokens" },
        h(
          "h2",
          {},
          n_pairs > preview.length ? `The first ${preview.length} as tokens` : "The pairs as tokens",
        ),
        h("p", { class: "lede small" }, "Each box is one token, the last the answer."),
        h("ol", { class: "token-pairs", "data-testid": "preview" }, preview.map(previewed)),
      ),
  );
}

/** Run a request with the buttons held; what goes wrong is said in words. @param {() => Promise<void>} act */
async function busy(act) {
  for (const button of buttons) button.disabled = true;
  try {
    await act();
  } catch (error) {
    fill(result, errorNotice(error));
  }
  for (const button of buttons) button.disabled = false;
  result.scrollIntoView({ block: "nearest", behavior: "smooth" });
}

need("task-check").addEventListener("click", () => busy(async () => show(await checkTask(asked()))));

form.addEventListener("submit", (event) => {
  event.preventDefault();
  busy(async () => {
    const check = await checkTask(asked());
    show(check);
    if (check.n_faults === 0) location.assign((await postTask(asked())).url);
  });
});

const chosen = /** @type {HTMLInputElement} */ (need("task-file"));

function takeFile() {
  const file = chosen.files?.[0];
  if (!file) return;
  busy(async () => {
    pairs.value = await file.text();
    if (!title.value) title.value = file.name.replace(/\.json$/i, "");
    show(await checkTask(asked()));
  });
}

chosen.addEventListener("change", takeFile);

need("task-example").addEventListener("click", () =>
  busy(async () => {
    pairs.value = JSON.stringify(await getExamplePairs(), null, 1);
    if (!title.value) title.value = "Closing quote, an example";
    show(await checkTask(asked()));
  }),
);

arm(form);
takeFile(); // one chosen before this script ran
