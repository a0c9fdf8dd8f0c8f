// @ts-check
// What is written about a circuit, as a value: each change gives a new one. Pure; notes.js holds the one being edited.

/** @import { Annotation, AnnotationRequest, NodeGroup, StoryStep } from "./types.js" */

/** Bounds of the server, so that a text box stops where it would refuse. */
export const MOST = { label: 80, note: 2000, sentence: 500, items: 500 };

/**
 * @typedef {object} Written
 * @property {string} title
 * @property {string} author
 * @property {Record<string, string>} labels
 * @property {Record<string, string>} notes
 * @property {NodeGroup[]} groups
 * @property {StoryStep[]} story
 */

/** @type {Written} */
export const NOTHING = Object.freeze({ title: "", author: "", labels: {}, notes: {}, groups: [], story: [] });

/** @param {Annotation | null} kept @returns {Written} */
export function writtenIn(kept) {
  if (!kept) return NOTHING;
  const { title, author, labels, notes, groups, story } = kept;
  return {
    title,
    author: author ?? "",
    labels: labels ?? {},
    notes: notes ?? {},
    groups: groups ?? [],
    story: story ?? [],
  };
}

/** What is sent to keep it: texts without blanks around, empty ones left out. @param {Written} written @param {string | null} parent @returns {AnnotationRequest} */
export function requestOf(written, parent) {
  const filled = (/** @type {Record<string, string>} */ texts) =>
    Object.fromEntries(
      Object.entries(texts)
        .map(([id, text]) => [id, text.trim()])
        .filter(([, text]) => text)
        .sort(([a = ""], [b = ""]) => (a < b ? -1 : 1)),
    );
  return {
    format: "sparsescope-annotation/1",
    title: written.title.trim() || "Notes",
    author: written.author.trim() || null,
    labels: filled(written.labels),
    notes: filled(written.notes),
    groups: written.groups,
    story: written.story.filter((step) => step.sentence.trim()),
    parent,
  };
}

/** Whether two say the same. @param {Written} one @param {Written} other */
export const same = (one, other) =>
  JSON.stringify(requestOf(one, null)) === JSON.stringify(requestOf(other, null));

/** Whether nothing is said at all. @param {Written} written */
export const isEmpty = (written) => same({ ...written, title: "", author: "" }, NOTHING);

/** @param {Written} written @param {"labels" | "notes"} kind @param {string} id @param {string} text empty: none @returns {Written} */
export function withText(written, kind, id, text) {
  const { [id]: _before, ...others } = written[kind];
  return { ...written, [kind]: text ? { ...others, [id]: text } : others };
}

// -- groups --

/** Put nodes into a group, made where there is none of that name. @param {Written} written @param {string} name @param {string[]} ids @returns {Written} */
export function intoGroup(written, name, ids) {
  const called = name.trim().slice(0, MOST.label);
  if (!called) return written;
  const found = written.groups.find((group) => group.name === called);
  if (!found) return { ...written, groups: [...written.groups, { name: called, nodes: [...new Set(ids)] }] };
  const nodes = [...new Set([...found.nodes, ...ids])];
  return {
    ...written,
    groups: written.groups.map((group) => (group === found ? { ...group, nodes } : group)),
  };
}

/** A group without nodes is none. @param {Written} written @param {string} name @param {string[]} ids @returns {Written} */
export function outOfGroup(written, name, ids) {
  const groups = written.groups.map((group) =>
    group.name === name ? { ...group, nodes: group.nodes.filter((id) => !ids.includes(id)) } : group,
  );
  return { ...written, groups: groups.filter((group) => group.nodes.length) };
}

/** @param {Written} written @param {string} name @returns {Written} */
export const withoutGroup = (written, name) => ({
  ...written,
  groups: written.groups.filter((group) => group.name !== name),
});

/** Another name; one that is taken joins the two. @param {Written} written @param {string} name @param {string} now @returns {Written} */
export function renamed(written, name, now) {
  const called = now.trim().slice(0, MOST.label);
  const group = written.groups.find((one) => one.name === name);
  if (!group || !called || called === name) return written;
  if (written.groups.some((one) => one.name === called))
    return intoGroup(withoutGroup(written, name), called, group.nodes);
  const groups = written.groups.map((one) => (one === group ? { ...one, name: called } : one));
  return { ...written, groups };
}

// -- the story --

/** @param {Written} written @param {StoryStep} step @returns {Written} */
export const withStep = (written, step) => ({ ...written, story: [...written.story, step] });

/** @param {Written} written @param {number} i @param {Partial<StoryStep>} change @returns {Written} */
export const editedStep = (written, i, change) => ({
  ...written,
  story: written.story.map((step, at) => (at === i ? { ...step, ...change } : step)),
});

/** @param {Written} written @param {number} i @returns {Written} */
export const withoutStep = (written, i) => ({ ...written, story: written.story.filter((_, at) => at !== i) });

/** A step further up or down; at the ends nothing moves. @param {Written} written @param {number} i @param {number} by @returns {Written} */
export function movedStep(written, i, by) {
  const story = [...written.story];
  const [step] = story.splice(i, 1);
  const to = i + by;
  if (!step || to < 0 || to > story.length) return written;
  story.splice(to, 0, step);
  return { ...written, story };
}
