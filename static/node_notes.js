// @ts-check
// The part of the Node panel that is written in: a node's label, its note, the groups it is in.

/** @typedef {import("./notes.js").Notes} Notes */
/** @typedef {import("./state.js").Store} Store */
import { intoGroup, MOST, outOfGroup, withText } from "./annotation.js";
import { fill, h } from "./dom.js";
import { foldsOf } from "./section.js";

/**
 * @param {Notes} notes
 * @param {Store} store
 * @param {() => void} openNotes the panel where they are kept
 * @returns {(id: string) => HTMLElement} for a node; the same element, filled anew
 */
export function createNodeNotes(notes, store, openNotes) {
  let node = "";
  const write = (/** @type {"labels" | "notes"} */ kind) => (/** @type {InputEvent} */ event) => {
    const { value } = /** @type {HTMLInputElement} */ (event.target);
    notes.change((now) => withText(now, kind, node, value));
  };
  const label = h("input", {
    ...{ type: "text", id: "node-label", maxlength: MOST.label, autocomplete: "off" },
    ...{ placeholder: "your name for it", "data-testid": "node-label", oninput: write("labels") },
  });
  const note = h("textarea", {
    ...{
      id: "node-note",
      rows: 3,
      maxlength: MOST.note,
      "data-testid": "node-note",
      oninput: write("notes"),
    },
  });
  const groups = h("ul", { class: "chips" });
  const known = h("datalist", { id: "group-names" });
  const name = h("input", {
    ...{ type: "text", id: "node-group", list: "group-names", maxlength: MOST.label, autocomplete: "off" },
    ...{ placeholder: "name of a group", "data-testid": "node-group" },
  });
  const join = h(
    "form",
    {
      class: "row nowrap",
      onsubmit(/** @type {Event} */ event) {
        event.preventDefault();
        notes.change((now) => intoGroup(now, name.value, [node]));
        name.value = "";
      },
    },
    h("label", { class: "visually-hidden", for: "node-group" }, "Put into the group"),
    name,
    h("button", {}, "Put into group"),
    known,
  );
  const more = h(
    "details",
    { class: "note-more" },
    h("summary", {}, "Note and groups"),
    h(
      "div",
      { class: "stack-small" },
      h("div", { class: "field" }, h("label", { for: "node-note" }, "Note"), note),
      groups,
      join,
    ),
  );
  foldsOf(store)("notes", more);
  const state = h("button", { type: "button", class: "plain unsaved", onclick: openNotes }, "unsaved");
  const element = h(
    "section",
    { class: "node-notes", "aria-label": "Your notes on the node" },
    h("div", { class: "row nowrap" }, h("label", { for: "node-label" }, "Label"), label, state),
    more,
  );

  /** What is typed in stays as it is typed. @param {HTMLInputElement | HTMLTextAreaElement} box @param {string} text */
  function put(box, text) {
    if (document.activeElement !== box && box.value !== text) box.value = text;
  }

  function show() {
    const now = notes.get();
    put(label, now.labels[node] ?? "");
    put(note, now.notes[node] ?? "");
    state.hidden = !notes.unsaved();
    const mine = now.groups.filter((group) => group.nodes.includes(node));
    fill(known, ...now.groups.map((group) => h("option", { value: group.name })));
    fill(
      groups,
      ...mine.map((group) =>
        h(
          "li",
          {},
          group.name,
          h(
            "button",
            {
              ...{ type: "button", class: "plain icon", "aria-label": `Take out of the group ${group.name}` },
              onclick: () => notes.change((was) => outOfGroup(was, group.name, [node])),
            },
            "×",
          ),
        ),
      ),
    );
    groups.hidden = !mine.length;
  }
  notes.onChange(show);

  return (id) => {
    if (id !== node) {
      node = id;
      const now = notes.get();
      label.value = now.labels[id] ?? "";
      note.value = now.notes[id] ?? "";
      if (now.notes[id] || now.groups.some((group) => group.nodes.includes(id))) more.open = true;
    }
    show();
    return element;
  };
}
