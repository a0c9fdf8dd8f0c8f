// @ts-check
// The Notes panel: title and author, groups, labels, the story; keeping all of it as a revision with a link.

/** @typedef {import("./notes.js").Notes} Notes */
/** @typedef {import("./state.js").Store} Store */
import { intoGroup, MOST, renamed, withoutGroup } from "./annotation.js";
import { copyFrom, fill, h } from "./dom.js";
import { plural } from "./format.js";
import { HUES, shortened } from "./note_marks.js";
import { errorNotice } from "./notice.js";
import { selectedNodes } from "./selection.js";
import { createStoryEditor } from "./story_editor.js";

/**
 * @param {HTMLElement} panel
 * @param {object} parts
 * @param {Notes} parts.notes
 * @param {Store} parts.store
 * @param {(ids: string[]) => void} parts.selectAll
 * @param {import("./story_player.js").StoryPlayer} parts.player
 * @param {HTMLElement} parts.proposed labels that could be taken
 * @param {() => void} parts.onSaved the address is to name the new revision
 */
export function createNotesPanel(panel, { notes, store, selectAll, player, proposed, onSaved }) {
  const state = h("span", { class: "badge", role: "status", "data-testid": "notes-state" });
  const trouble = h("div", {});
  const text = (/** @type {"title" | "author"} */ key, /** @type {string} */ words) => {
    const box = h("input", {
      ...{ type: "text", id: `notes-${key}`, maxlength: MOST.label, autocomplete: "off" },
      oninput: () => notes.change((now) => ({ ...now, [key]: box.value })),
    });
    return { box, field: h("div", { class: "field" }, h("label", { for: box.id }, words), box) };
  };
  const title = text("title", "Title");
  const author = text("author", "Author, if you like");
  const save = h(
    "button",
    { type: "button", class: "primary", "data-testid": "notes-save", onclick: keep },
    "Save",
  );
  const copy = h("button", { type: "button", onclick: () => copyFrom(copy, linkOf()) }, "Copy the link");
  const drop = h("button", { type: "button", class: "plain", onclick: notes.drop }, "Drop the changes");
  const lineage = h("p", { class: "small quiet" });
  const groups = h("ul", { class: "note-list", "data-testid": "note-groups" });
  const labels = h("ul", { class: "note-list", "data-testid": "note-labels" });
  const story = createStoryEditor({ notes, store, player });

  const groupName = h("input", {
    ...{
      type: "text",
      id: "new-group",
      maxlength: MOST.label,
      autocomplete: "off",
      placeholder: "name of a group",
    },
  });
  const groupButton = h("button", {}, "Group the selection");
  const groupForm = h(
    "form",
    {
      class: "row nowrap",
      onsubmit(/** @type {Event} */ event) {
        event.preventDefault();
        notes.change((now) => intoGroup(now, groupName.value, selectedNodes(store.get())));
        groupName.value = "";
      },
    },
    h("label", { class: "visually-hidden", for: "new-group" }, "Name of the group"),
    groupName,
    groupButton,
  );

  const linkOf = () => `${location.origin}${notes.kept()?.link ?? ""}`;

  async function keep() {
    save.disabled = true;
    fill(trouble);
    try {
      await notes.save();
      onSaved();
    } catch (error) {
      fill(trouble, errorNotice(error, keep));
    }
    show();
  }

  /** @param {import("./types.js").NodeGroup} group @param {number} i */
  function groupRow(group, i) {
    const name = h("input", {
      ...{
        type: "text",
        value: group.name,
        maxlength: MOST.label,
        "aria-label": `Name of the group ${group.name}`,
      },
      onchange: () => notes.change((now) => renamed(now, group.name, name.value)),
    });
    const select = h(
      "button",
      {
        type: "button",
        "aria-label": `Select the group ${group.name}`,
        onclick: () => selectAll(group.nodes),
      },
      plural(group.nodes.length, "node"),
    );
    const remove = h(
      "button",
      {
        ...{ type: "button", class: "plain icon", "aria-label": `Delete the group ${group.name}` },
        onclick: () => notes.change((now) => withoutGroup(now, group.name)),
      },
      "×",
    );
    return h("li", {}, h("span", { class: `note-swatch hue-${i % HUES}` }), name, select, remove);
  }

  function labelRows() {
    const now = notes.get();
    const ids = [...new Set([...Object.keys(now.labels), ...Object.keys(now.notes)])].sort();
    return ids.map((id) =>
      h(
        "li",
        {},
        h("button", { type: "button", class: "link nowrap", onclick: () => selectAll([id]) }, id),
        h(
          "span",
          { class: "grow" },
          now.labels[id] ?? h("span", { class: "quiet" }, shortened(now.notes[id] ?? "", 60)),
        ),
      ),
    );
  }

  function showSelection() {
    const n = selectedNodes(store.get()).length;
    groupButton.disabled = n === 0;
    groupButton.textContent = n ? `Group ${plural(n, "node")}` : "Select nodes first";
  }

  function show() {
    const now = notes.get();
    const kept = notes.kept();
    const unsaved = notes.unsaved();
    for (const [{ box }, value] of /** @type {const} */ ([
      [title, now.title],
      [author, now.author],
    ]))
      if (document.activeElement !== box && box.value !== value) box.value = value;
    state.textContent = unsaved ? "unsaved" : kept ? "saved" : "nothing yet";
    state.dataset.unsaved = String(unsaved);
    save.disabled = !unsaved;
    drop.hidden = !unsaved;
    copy.hidden = !kept;
    fill(
      lineage,
      ...(kept
        ? [
            unsaved ? "Edited from revision " : "Revision ",
            h("a", { class: "mono", href: kept.link }, kept.id),
            kept.author && ` by ${kept.author}`,
            kept.parent && [
              ", edited from ",
              h("a", { class: "mono", href: `?notes=${kept.parent}` }, kept.parent),
            ],
          ].flat()
        : ["Kept in this browser until you save; saving makes a link that never changes."]),
    );
    if (!groups.contains(document.activeElement) || groups.children.length !== now.groups.length)
      fill(groups, ...now.groups.map(groupRow));
    fill(labels, ...labelRows());
    if (!labels.children.length)
      fill(labels, h("li", { class: "small quiet" }, "None yet: write one on the Node panel."));
    const tab = document.getElementById("tab-notes");
    if (tab) tab.textContent = unsaved ? "Notes •" : "Notes";
  }

  fill(
    panel,
    h("div", { class: "panel-head" }, h("h2", {}, "Notes"), state),
    h("div", { class: "fields" }, title.field, author.field),
    h("div", { class: "row" }, save, copy, drop),
    trouble,
    lineage,
    h("section", {}, h("h3", {}, "Groups"), groups, groupForm),
    h("section", {}, h("h3", {}, "Labels and notes of nodes"), labels),
    proposed,
    story,
  );
  notes.onChange(show);
  store.onChange((now, before) => {
    if (now.node !== before.node || now.also !== before.also) showSelection();
  });
  show();
  showSelection();
  return { nameGroup: () => groupName.focus() };
}
