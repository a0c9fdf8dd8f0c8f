// @ts-check
// A model's page: its training curve is drawn, its channels are searched and paged without a new page.

/** @import { Channel, ChannelEnd, ChannelPage, TokenWeight, TrainingPoint } from "./types.js" */
import { getChannels } from "./api.js";
import { debounce, fill, h, need, pageData } from "./dom.js";
import { redrawn } from "./figure_size.js";
import { count, nats, visible } from "./format.js";
import { errorNotice } from "./notice.js";
import { readPalette } from "./palette.js";
import { draw } from "./plot.js";
import { trainingLayout, trainingTraces } from "./training_curve.js";

const curve = document.getElementById("training-curve");
if (curve) {
  const points = /** @type {TrainingPoint[]} */ (pageData("training-data"));
  redrawn(curve, () => {
    const palette = readPalette();
    draw(curve, trainingTraces(points, palette), trainingLayout(points, palette));
  });
}

const view = need("channels-view");
const form = /** @type {HTMLFormElement} */ (need("channel-form"));
const model = form.dataset.model ?? "";

/** @param {TokenWeight[]} list */
const weights = (list) =>
  list.length
    ? list.flatMap(({ token, weight }) => [
        h("span", { class: "tw nowrap" }, h("span", { class: "tok" }, visible(token)), ` ${nats(weight)}`),
        " ",
      ])
    : [h("span", { class: "quiet" }, "none")];

/** @param {ChannelEnd} end */
const endCells = (end) => [
  h("td", { class: "number" }, nats(end.norm)),
  h("td", { class: "number" }, count(end.n_nonzero)),
  h("td", {}, weights(end.positive)),
  h("td", {}, weights(end.negative)),
];

/** @param {Channel} channel */
const rows = ({ channel, embed, unembed, matches }) => [
  h(
    "tr",
    {},
    h("th", { scope: "row", class: "mono" }, `c${channel}`),
    ...endCells(embed),
    ...endCells(unembed),
  ),
  matches.length > 0 &&
    h(
      "tr",
      { class: "found" },
      h("td"),
      h(
        "td",
        { colspan: 8 },
        matches.flatMap((m, i) => [
          h("span", { class: "tok" }, visible(m.token)),
          ` embedding ${nats(m.embed)}, unembedding ${nats(m.unembed)}${i < matches.length - 1 ? "; " : ""}`,
        ]),
      ),
    ),
];

/** @param {string} words @param {ChannelPage} page @param {number} offset */
const turn = (words, page, offset) =>
  h("button", { type: "button", onclick: () => load(Math.max(0, offset), page.limit) }, words);

/** @param {ChannelPage} page */
function show(page) {
  const { offset, limit, n_found, n_channels, search, tokens_found, channels } = page;
  const shown = n_found ? `, ${count(offset + 1)} to ${count(offset + channels.length)} shown` : "";
  const status = view.querySelector("[data-testid=channels-found]");
  const body = view.querySelector("tbody");
  const pager = view.querySelector("p.row");
  if (!status || !body || !pager) return;
  fill(
    status,
    `${count(n_found)} of ${count(n_channels)} channels${search ? ` for “${search}”` : ""}${shown}. `,
    tokens_found.length > 0 && "Tokens: ",
    tokens_found.flatMap((token) => [h("span", { class: "tok" }, visible(token)), " "]),
  );
  fill(body, channels.flatMap(rows));
  fill(
    pager,
    offset > 0 && turn("Previous", page, offset - limit),
    offset + limit < n_found && turn("Next", page, offset + limit),
  );
}

let asked = 0;

/** @param {number} offset @param {number} limit */
async function load(offset, limit) {
  const given = new FormData(form);
  const query = new URLSearchParams({
    search: String(given.get("search") ?? ""),
    sort: String(given.get("sort")),
    offset: String(offset),
    limit: String(limit),
  });
  const number = ++asked;
  try {
    const page = await getChannels(model, query);
    if (number !== asked) return;
    show(page);
    const url = new URL(location.href);
    for (const [name, value] of query) url.searchParams.set(name, value);
    history.replaceState(null, "", url);
  } catch (error) {
    const status = view.querySelector("[data-testid=channels-found]");
    if (number === asked && status)
      fill(
        status,
        errorNotice(error, () => load(offset, limit)),
      );
  }
}

const limit = () => Number(new FormData(form).get("limit"));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  load(0, limit());
});
need("channel-sort").addEventListener("change", () => load(0, limit()));
need("channel-search").addEventListener(
  "input",
  debounce(() => load(0, limit()), 250),
);
view.addEventListener("click", (event) => {
  const link = /** @type {HTMLElement} */ (event.target).closest("a[data-page]");
  if (!(link instanceof HTMLAnchorElement)) return;
  event.preventDefault();
  load(Number(new URL(link.href).searchParams.get("offset")), limit());
});
