// @ts-check
// The words over the picture: rows, layers, tokens, candidates, heads and node labels, moved with it at every step.

/** @import { Frame } from "./types.js" */
/** @typedef {import("./shapes.js").Scene} Scene */
import { toPixels } from "./camera.js";
import { fill, h } from "./dom.js";
import { count, visible } from "./format.js";
import { embedTicks, fitting, labelsThatFit, marginsOf, rowsThatFit, sideGroups } from "./labels.js";
import { scaleOf } from "./paths.js";
import { selectionOf } from "./selection.js";

/** @typedef {{ element: HTMLElement, x: number | null, y: number | null, y1?: number }} Placed null: not along that axis */

/**
 * @param {HTMLElement} pane the plot's own area
 * @param {HTMLElement} root the graph with the room around
 * @param {{ onGroup(id: string): void, onPick(id: string, add: boolean): void }} listeners
 * @param {(scene: Scene) => Placed[]} [marksOf] what else stands at the nodes
 */
export function createOverlay(pane, root, { onGroup, onPick }, marksOf = () => []) {
  const side = h("div", { class: "side-words" });
  const foot = h("div", { class: "foot-words" });
  const marks = h("div", { class: "marks" });
  const cursor = h("div", { class: "cursor-ring", hidden: true });
  pane.append(marks, cursor);
  root.append(side, foot);
  let placed = /** @type {Placed[]} */ ([]);

  /** @param {string} id @param {string} text @param {boolean} collapsed @param {string} className */
  const groupButton = (id, text, collapsed, className) =>
    h(
      "button",
      {
        type: "button",
        class: `group-button ${className}`,
        tabindex: -1,
        "data-group": id,
        "aria-expanded": String(!collapsed),
        "aria-label": `${text}: ${collapsed ? "expand" : "collapse"} ${id}`,
        title: collapsed ? "Expand" : "Collapse into one",
        onclick: () => onGroup(id),
      },
      h("span", {}, text),
    );

  /** @param {string} id @param {string} className @param {string} text */
  const endButton = (id, className, text) =>
    h(
      "button",
      {
        type: "button",
        class: className,
        tabindex: -1,
        "data-end": id,
        onclick: (/** @type {MouseEvent} */ event) =>
          onPick(id, event.ctrlKey || event.metaKey || event.shiftKey),
      },
      text,
    );

  /** Make the words anew for what is shown. @param {Scene} scene @param {boolean} narrow */
  function build(scene, narrow) {
    const { graph, picture, frame, nodeSize, shown, lit, view } = scene;
    const isShown = (/** @type {string} */ id) => shown.ids.has(id);
    const chosen = new Set(selectionOf(view));
    const isLit = (/** @type {string} */ id) => !lit || lit.nodes.has(id);
    const sides = sideGroups(picture)
      .filter((group) => !narrow || group.kind === "layer")
      .map((group) => ({
        element: groupButton(
          group.id,
          fitting(group.words, (group.y1 - group.y0 + 1) * scaleOf(frame).y),
          group.collapsed,
          group.kind,
        ),
        ...{ x: null, y: group.y0, y1: group.y1 },
      }));
    const rows = rowsThatFit(picture, frame).map((row) => ({
      element: h("span", { class: "row-word" }, narrow ? row.short : row.words),
      ...{ x: null, y: row.y },
    }));
    const tokens = embedTicks(graph, picture, frame, narrow ? 1 : 3, isShown).map((tick) => ({
      element: h("span", { class: isLit(tick.id) ? "token" : "token dim" }, tick.text),
      ...{ x: tick.x, y: null },
    }));
    const heads = picture.heads.map((box) => ({
      element: groupButton(`${box.layer}.attn.h${box.head}`, `h${box.head}`, false, "head"),
      ...{ x: box.x0, y: box.y1 },
    }));
    const groups = [...picture.groups.values()].flatMap((group) => {
      const at = picture.points.get(group.id);
      if (!at) return [];
      const n = group.members.filter(isShown).length;
      const text = group.kind === "head" ? `h${group.id.split(".h")[1]} · ${count(n)}` : `${count(n)} nodes`;
      const on = group.members.some(isLit) ? "" : " dim";
      const element = groupButton(group.id, text, true, `glyph${on}`);
      element.title = `${group.words}: ${group.members.length} nodes. Expand`;
      return [{ element, x: at.x, y: at.y }];
    });
    const labels = labelsThatFit(graph, picture, frame, nodeSize, isShown).map((label) => {
      const element = h("span", { class: isLit(label.id) ? "label" : "label dim" }, label.text);
      const ring = chosen.has(label.id) ? 5 : 0;
      element.style.setProperty("--gap", `${nodeSize * 0.62 + 3 + ring}px`);
      return { element, x: label.x, y: label.y };
    });
    const chips = graph.circuit.terminals.flatMap((end) => {
      const at = picture.points.get(end.id);
      if (end.kind !== "logit" || !at) return [];
      const chip = endButton(end.id, isLit(end.id) ? "chip" : "chip dim", visible(end.label));
      chip.title = "Candidate answer: its logit";
      return [{ element: chip, x: at.x, y: at.y }];
    });
    const more = marksOf(scene);
    const margin = marginsOf(narrow);
    Object.assign(side.style, { top: `${margin.t}px`, width: `${margin.l}px`, height: `${frame.height}px` });
    Object.assign(foot.style, { left: `${margin.l}px`, width: `${frame.width}px`, height: `${margin.b}px` });
    fill(side, ...[...rows, ...sides].map((p) => p.element));
    fill(foot, ...tokens.map((p) => p.element));
    fill(marks, ...[...labels, ...heads, ...groups, ...chips, ...more].map((p) => p.element));
    placed = [...sides, ...rows, ...tokens, ...heads, ...groups, ...labels, ...chips, ...more];
    move(frame);
  }

  /** Put the words where a frame has them. @param {Frame} frame */
  function move(frame) {
    const scale = scaleOf(frame);
    const outside = (/** @type {number} */ value, /** @type {number} */ size) =>
      value < -1 || value > size + 1;
    for (const { element, x, y, y1 } of placed) {
      const at = toPixels(frame, x ?? frame.x[0], y ?? frame.y[0]);
      if (y1 !== undefined && y !== null) {
        const top = Math.max(0, toPixels(frame, 0, y1).y - 0.5 * scale.y);
        const bottom = Math.min(frame.height, at.y + 0.5 * scale.y);
        element.hidden = bottom - top < 14;
        element.style.top = `${top}px`;
        element.style.height = `${bottom - top}px`;
        continue;
      }
      element.hidden =
        (x !== null && outside(at.x, frame.width)) || (y !== null && outside(at.y, frame.height));
      element.style.transform = `translate(${x === null ? 0 : at.x}px, ${y === null ? 0 : at.y}px)`;
    }
  }

  /** Mark where the arrow keys stand. @param {{ x: number, y: number } | null} place @param {Frame} frame */
  function ring(place, frame) {
    cursor.hidden = place === null;
    if (!place) return;
    const at = toPixels(frame, place.x, place.y);
    cursor.style.transform = `translate(${at.x}px, ${at.y}px)`;
  }

  return { build, move, ring };
}
