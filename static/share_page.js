// @ts-check
// The Share button of pages that are no explorer: what they share is written on the button.

import { need } from "./dom.js";
import { createShareDialog } from "./share_dialog.js";

const button = need("share");
const { id = "", picture } = button.dataset;
const open = createShareDialog(need("share-dialog"), {
  path: () => location.pathname + location.search,
  records: () => [{ kind: "ablations", id, noun: "claim" }],
  picture: picture ?? null,
  embedTitle: null,
});
button.addEventListener("click", open);
