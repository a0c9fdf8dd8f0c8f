// @ts-check
// All ways to share what a page shows, in one dialog: link, short link, embed, publish, cite, the preview's picture.

/** @import { Citation, Publication } from "./share_types.js" */
import { getCitation, getPublication, postShortLink, publish, takeBack } from "./api.js";
import { copyFrom, fill, h } from "./dom.js";
import { errorNotice } from "./notice.js";

/** @typedef {{ kind: "circuits" | "annotations" | "ablations", id: string, noun: string }} Shared a record, and what people call it */

let number = 0;

/** A text to copy, which can be selected too. @param {string} label @param {string} text @param {string} testid @param {number} [rows] */
function copyField(label, text, testid, rows = 1) {
  number += 1;
  const id = `share-field-${number}`;
  const box =
    rows > 1
      ? h("textarea", { id, rows, readonly: true, class: "mono", "data-testid": testid, spellcheck: "false" })
      : h("input", { id, type: "text", readonly: true, class: "mono", "data-testid": testid });
  box.value = text;
  box.addEventListener("focus", () => box.select());
  const copy = h("button", { type: "button", onclick: () => copyFrom(copy, box.value) }, "Copy");
  return h("div", { class: "share-field" }, h("label", { for: id }, label), box, copy);
}

/** @param {string} title @param {...import("./dom.js").Child} body */
const part = (title, ...body) => h("section", { class: "stack-small" }, h("h3", {}, title), ...body);

/** The frame that shows this view elsewhere. @param {string} path @param {string} title */
export const frameOf = (path, title) =>
  `<iframe src="${location.origin}/embed${path.replaceAll("&", "&amp;")}" title="${title.replaceAll("&", "&amp;").replaceAll('"', "&quot;")}" width="800" height="600" style="border:0;max-width:100%" loading="lazy" allowfullscreen></iframe>`;

/** @param {string} path */
function shortLink(path) {
  const box = h("div", {});
  const make = async () => {
    try {
      const link = await postShortLink(path);
      fill(box, copyField("Short link, for ever this view", location.origin + link.url, "share-short"));
    } catch (error) {
      fill(box, errorNotice(error, make));
    }
  };
  fill(
    box,
    h("button", { type: "button", onclick: make, "data-testid": "share-shorten" }, "Make a short link"),
  );
  return box;
}

/** Publish one record or take it back. @param {Shared} of */
function publishing({ kind, id, noun }) {
  const box = h("div", { class: "stack-small", "data-testid": `share-publish-${kind}` });
  const field = (/** @type {string} */ label, /** @type {string | null} */ value) => {
    number += 1;
    const input = h("input", {
      type: "text",
      id: `share-field-${number}`,
      maxlength: 80,
      autocomplete: "off",
    });
    input.value = value ?? "";
    return { input, element: h("div", { class: "field" }, h("label", { for: input.id }, label), input) };
  };

  /** @param {() => Promise<Publication>} ask */
  async function load(ask) {
    try {
      show(await ask());
    } catch (error) {
      fill(
        box,
        errorNotice(error, () => load(ask)),
      );
    }
  }

  /** @param {Publication} now */
  function show(now) {
    if (!now.yours) {
      const words = now.published
        ? `This ${noun} is public: it stands in lists.`
        : `This ${noun} is unlisted: whoever has its link can open it. Only its maker can publish it, from the browser it was made in.`;
      fill(box, h("p", { class: "small" }, words));
      return;
    }
    if (now.published) {
      const back = h(
        "button",
        {
          type: "button",
          onclick: () => load(() => takeBack(kind, id)),
          "data-testid": `share-take-back-${kind}`,
        },
        "Take it back",
      );
      fill(
        box,
        h(
          "p",
          { class: "small", role: "status" },
          `Your ${noun} is published in the `,
          h("a", { href: "/gallery" }, "gallery"),
          ".",
        ),
        back,
      );
      return;
    }
    const [title, author] = [
      field("Title, if you like", now.title),
      field("Your name, if you like", now.author),
    ];
    const body = () => ({
      title: title.input.value.trim() || null,
      author: author.input.value.trim() || null,
    });
    const button = h(
      "button",
      {
        type: "button",
        onclick: () => load(() => publish(kind, id, body())),
        "data-testid": `share-publish-now-${kind}`,
      },
      `Publish this ${noun}`,
    );
    fill(
      box,
      h("p", { class: "small", role: "status" }, `Your ${noun} is unlisted: only its link leads to it.`),
      h("div", { class: "fields" }, title.element, author.element),
      button,
    );
  }
  load(() => getPublication(kind, id));
  return box;
}

/** How to cite a record. @param {Shared} of */
function citing({ kind, id, noun }) {
  const box = h("div", { class: "stack-small" }, h("p", { class: "small quiet" }, "Reading…"));
  const load = async () => {
    try {
      const found = /** @type {Citation} */ (await getCitation(kind, id));
      fill(
        box,
        copyField(`BibTeX of this ${noun}`, found.bibtex, `share-bibtex-${kind}`, 7),
        copyField("In words", found.text, `share-cite-${kind}`),
      );
    } catch (error) {
      fill(box, errorNotice(error, load));
    }
  };
  load();
  return box;
}

/**
 * @param {HTMLElement} element a dialog
 * @param {object} what
 * @param {() => string} what.path path and query of the view as it is now
 * @param {() => Shared[]} what.records what can be published and cited
 * @param {string | null} what.picture address of the preview's picture
 * @param {string | null} what.embedTitle of the frame; null where there is nothing to embed
 * @param {() => string | null} [what.warning]
 * @returns {() => void} opens it
 */
export function createShareDialog(element, { path, records, picture, embedTitle, warning }) {
  const dialog = /** @type {HTMLDialogElement} */ (element);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  return () => {
    const now = path();
    const warned = warning?.();
    fill(
      dialog,
      h(
        "div",
        { class: "panel-head" },
        h("h2", { id: "share-title" }, "Share"),
        h("button", { type: "button", onclick: () => dialog.close() }, "Close"),
      ),
      warned && h("p", { class: "notice", role: "status" }, warned),
      part("Link", copyField("This exact view", location.origin + now, "share-link"), shortLink(now)),
      part("Publish", ...records().map(publishing)),
      embedTitle !== null &&
        part(
          "Embed",
          copyField("HTML of a frame with this view", frameOf(now, embedTitle), "share-embed", 4),
        ),
      part("Cite", ...records().map(citing)),
      picture &&
        part(
          "Preview",
          h("p", { class: "small quiet" }, "What sites show beside a link to it."),
          h("img", {
            src: picture,
            alt: "The circuit as link previews show it",
            width: 1200,
            height: 630,
            loading: "lazy",
          }),
        ),
    );
    dialog.showModal();
  };
}
