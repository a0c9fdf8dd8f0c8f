// @ts-check
// What people wrote, over the picture: their labels at the nodes, a ring around each node of a group, the group's name.

/** @import { Frame, NodeGroup, Picture } from "./types.js" */
/** @typedef {import("./shapes.js").Scene} Scene */
/** @typedef {import("./overlay.js").Placed} Placed */
/** @typedef {import("./annotation.js").Written} Written */
import { h } from "./dom.js";
import { scaleOf } from "./paths.js";

const CHAR_PX = 6.1;
const LONGEST = 26;
/** As many rings as a page moves at ease. */
const MAX_RINGS = 600;
/** Groups are told apart by as many hues; then they begin anew. */
export const HUES = 6;

/** @param {string} text @param {number} [most] */
export const shortened = (text, most = LONGEST) =>
  text.length > most ? `${text.slice(0, most - 1).trimEnd()}…` : text;

/**
 * A place for each label: above its node, below where another label of the row is in the way, else none.
 * @param {Record<string, string>} labels
 * @param {Picture} picture
 * @param {Frame} frame
 * @param {(id: string) => boolean} isShown
 */
export function labelPlaces(labels, picture, frame, isShown) {
  const scale = scaleOf(frame);
  const taken = /** @type {Map<string, number>} */ (new Map());
  const points = Object.keys(labels)
    .filter(isShown)
    .flatMap((id) => picture.points.get(id) ?? [])
    .sort((a, b) => a.y - b.y || a.x - b.x);
  return points.flatMap((point) => {
    const text = shortened(labels[point.id] ?? "");
    const half = (text.length * CHAR_PX + 10) / 2;
    const middle = point.x * scale.x;
    for (const below of [false, true]) {
      const side = `${point.y} ${below}`;
      if (middle - half < (taken.get(side) ?? Number.NEGATIVE_INFINITY)) continue;
      taken.set(side, middle + half);
      return [{ id: point.id, text, x: point.x, y: point.y, below }];
    }
    return [];
  });
}

/**
 * The points that a group has in the picture: its nodes, or the collapsed groups that stand for them; topmost first.
 * @param {NodeGroup} group
 * @param {Pick<Scene, "picture" | "fold">} scene
 * @param {(id: string) => boolean} isShown
 */
export function groupPlaces(group, { picture, fold }, isShown) {
  const ids = new Set(group.nodes.filter(isShown).map(fold.standsFor));
  return [...ids].flatMap((id) => picture.points.get(id) ?? []).sort((a, b) => b.y - a.y || a.x - b.x);
}

/**
 * @param {() => Written} written
 * @param {(ids: string[]) => void} select
 * @returns {(scene: Scene) => Placed[]}
 */
export function createNoteMarks(written, select) {
  return (scene) => {
    const { labels, notes, groups } = written();
    const isShown = (/** @type {string} */ id) => scene.shown.ids.has(id);
    const size = scene.nodeSize;
    const marks = /** @type {Placed[]} */ ([]);
    groups.forEach((group, i) => {
      const places = groupPlaces(group, scene, isShown);
      const [top] = places;
      for (const { x, y } of places.slice(0, MAX_RINGS - marks.length)) {
        const element = h("span", { class: `note-ring hue-${i % HUES}` });
        element.style.setProperty("--size", `${size * 1.1 + 8 + 4 * (i % 3)}px`);
        marks.push({ element, x, y });
      }
      if (!top) return;
      const element = h(
        "button",
        {
          ...{ type: "button", class: `note-group hue-${i % HUES}`, tabindex: -1 },
          ...{ title: `Select the group ${group.name}`, onclick: () => select(group.nodes) },
        },
        shortened(group.name, 18),
      );
      element.style.setProperty("--gap", `${size * 0.55 + 8}px`);
      marks.push({ element, x: top.x, y: top.y });
    });
    for (const place of labelPlaces(labels, scene.picture, scene.frame, isShown)) {
      const dim = scene.lit && !scene.lit.nodes.has(place.id) ? " dim" : "";
      const side = place.below ? " below" : "";
      const element = h(
        "span",
        { class: `note-label${side}${dim}` },
        place.text,
        notes[place.id] ? " ✎" : "",
      );
      element.style.setProperty("--gap", `${size * 0.55 + 3}px`);
      marks.push({ element, x: place.x, y: place.y });
    }
    return marks;
  };
}
