// @ts-check
// The drawn circuit: keeps the picture in step with the view, the theme, the hands and the room it has.

/** @import { Frame } from "./types.js" */
/** @typedef {import("./graph.js").Graph} Graph */
/** @typedef {import("./scene.js").Scenes} Scenes */
/** @typedef {import("./state.js").Store} Store */
/** @typedef {import("./camera.js").Ranges} Ranges */
import { clamped, framing, isPart, overscanned, panned, revealing, toPixels, zoomed } from "./camera.js";
import { debounce, fill, h } from "./dom.js";
import { toggleGroup } from "./fold.js";
import { listenToHands } from "./gestures.js";
import { pointsIn } from "./hit.js";
import { marginsOf } from "./labels.js";
import { createMinimap } from "./minimap.js";
import { errorNotice } from "./notice.js";
import { createOverlay } from "./overlay.js";
import { readPalette } from "./palette.js";
import { drawPicture, plotly } from "./plot.js";
import { createPointing } from "./pointing.js";
import { select, selectionOf, toggleSelected } from "./selection.js";
import { nodeSizeOf, shapesOf } from "./shapes.js";
import { pointLines } from "./words.js";

const NARROW_PX = 640;
/** How much is drawn beyond each side, as a share of the plot, so that a pan shows no edge before the redraw. */
const OVERSCAN = 0.25;
const SETTLE_MS = 120;
/** A drawing that may be made again in the middle of a pan. */
const QUICK_MS = 60;

/**
 * @param {HTMLElement} root the graph, focusable
 * @param {{ graph: Graph, scenes: Scenes, store: Store, shapes?: typeof shapesOf, marksOf?: Parameters<typeof createOverlay>[3], cuts?: boolean }} parts `cuts`: a click on an edge cuts it
 */
export function createCanvas(root, { graph, scenes, store, shapes = shapesOf, marksOf, cuts = false }) {
  const plot = h("div", { class: "plot-layer", "aria-hidden": "true" });
  const pane = h("div", { class: "pane" }, plot);
  const frameBox = h("div", { class: "select-box", hidden: true });
  root.append(pane);
  const overlay = createOverlay(pane, root, { onGroup: toggle, onPick: pick }, marksOf);
  const minimap = createMinimap(root, look);
  pane.append(frameBox);
  let palette = readPalette();
  let drawn = /** @type {Frame | null} */ (null);
  let size = "";
  let drawMs = 0;
  let brought = false;
  let cursor = /** @type {string | null} */ (null);
  let light = /** @type {import("./light.js").Light | null} */ (null);

  const narrow = () => root.clientWidth < NARROW_PX;
  const scene = () => scenes.of(store.get());
  const isShown = (/** @type {string} */ id) => {
    const { picture, shown } = scene();
    return picture.groups.has(id) || shown.ids.has(id);
  };

  /** Whether the panels know it: nodes of other sizes are drawn, but are not of the circuit. @param {string} id */
  const isOurs = (id) => graph.nodes.has(id) || graph.terminals.has(id) || graph.groups.has(id);

  /** @returns {Frame} */
  function frameNow() {
    const margin = marginsOf(narrow());
    const { x, y } = store.get();
    const { picture } = scene();
    return {
      width: Math.max(50, root.clientWidth - margin.l - margin.r),
      height: Math.max(50, root.clientHeight - margin.t - margin.b),
      x: x ?? picture.x,
      y: y ?? picture.y,
    };
  }

  let drawing = /** @type {Promise<void> | null} */ (null);
  let again = false;

  /** Draw the view. One drawing at a time: what changes meanwhile is drawn once more, as it then is. */
  function render() {
    again = true;
    drawing ??= drawAll();
    return drawing;
  }

  async function drawAll() {
    try {
      while (again) {
        again = false;
        await drawOnce();
      }
    } finally {
      drawing = null;
    }
  }

  async function drawOnce() {
    const view = store.get();
    const parts = scene();
    const frame = frameNow();
    const margin = marginsOf(narrow());
    Object.assign(pane.style, {
      ...{ left: `${margin.l}px`, top: `${margin.t}px` },
      ...{ width: `${frame.width}px`, height: `${frame.height}px` },
    });
    const wide = overscanned(frame, OVERSCAN);
    const all = { ...parts, view, light, palette, frame, nodeSize: nodeSizeOf(frame) };
    size = `${root.clientWidth} ${root.clientHeight}`;
    performance.clearMarks("draw-start");
    performance.mark("draw-start");
    await drawPicture(plot, shapes(all), wide);
    drawn = wide;
    overlay.build(all, narrow());
    minimap.draw(parts.picture, isShown);
    preview();
    performance.clearMeasures("draw");
    drawMs = performance.measure("draw", "draw-start").duration;
    bringPlotly();
  }

  /** Once the first picture is on the screen the library is fetched, and draws from then on; without it the picture stays. */
  function bringPlotly() {
    if (brought) return;
    brought = true;
    requestAnimationFrame(() => setTimeout(() => plotly().then(schedule, () => {})));
  }

  /** Move what is drawn to where the view now has it, without drawing it again. */
  function preview() {
    if (!drawn) return;
    const frame = frameNow();
    const scale = (/** @type {"x" | "y"} */ axis, /** @type {number} */ now, /** @type {number} */ then) => {
      const [a, b] = [frame[axis], /** @type {Frame} */ (drawn)[axis]];
      return ((now / (a[1] - a[0])) * (b[1] - b[0])) / then;
    };
    const [sx, sy] = [scale("x", frame.width, drawn.width), scale("y", frame.height, drawn.height)];
    const corner = toPixels(frame, drawn.x[0], drawn.y[1]);
    plot.style.transform = `translate(${corner.x}px, ${corner.y}px) scale(${sx}, ${sy})`;
    overlay.move(frame);
    overlay.ring(cursor === null ? null : (scene().picture.points.get(cursor) ?? null), frame);
    minimap.show(frame);
    root.dataset.zoomed = String(isPart(frame, scene().picture));
  }

  /** Once the view has come to rest, draw it; sooner where a pan bares what was not drawn and drawing is quick. */
  function follow() {
    preview();
    const frame = frameNow();
    const bare = (/** @type {"x" | "y"} */ axis) =>
      drawn && (frame[axis][0] < drawn[axis][0] || frame[axis][1] > drawn[axis][1]);
    if (drawMs < QUICK_MS && (bare("x") || bare("y"))) schedule();
    else if (root.dataset.doing === undefined) settle();
  }

  let waiting = false;
  function schedule() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      if (drawn || drawing) render().catch((error) => fill(root, errorNotice(error)));
    });
  }
  const settle = debounce(schedule, SETTLE_MS);

  /** Show these ranges, as far as the picture goes; the whole is null. @param {Ranges} ranges @returns {boolean} whether that changes anything */
  function look(ranges) {
    const { picture } = scene();
    const now = clamped(ranges, picture);
    const same = (/** @type {"x" | "y"} */ axis, /** @type {readonly number[]} */ other) =>
      Math.abs(now[axis][0] - Number(other[0])) + Math.abs(now[axis][1] - Number(other[1])) < 1e-3;
    const frame = frameNow();
    if (same("x", frame.x) && same("y", frame.y)) return false;
    store.set({ x: same("x", picture.x) ? null : now.x, y: same("y", picture.y) ? null : now.y });
    return true;
  }

  /** @param {number} factor @param {{ x: number, y: number }} [at] */
  function zoom(factor, at) {
    const frame = frameNow();
    return look(zoomed(frame, factor, at?.x ?? frame.width / 2, at?.y ?? frame.height / 2));
  }

  /** @param {string} id @param {boolean} [add] */
  function pick(id, add = false) {
    const view = store.get();
    const group = scene().picture.groups.get(id);
    cursor = id;
    if (!group && !isOurs(id)) preview();
    else if (group && !add) toggle(id);
    else if (group)
      store.set(select(view, [...new Set([...selectionOf(view), ...group.members.filter(isOurs)])]));
    else store.set(add ? toggleSelected(view, id) : select(view, [id]));
  }

  /** Select one thing or nothing. @param {string | null} id */
  function choose(id) {
    cursor = id ?? cursor;
    if (id !== null && !isOurs(id)) return;
    store.set(id === null ? { node: null, also: [], panel: null } : select(store.get(), [id]));
  }

  /** Collapse a group or expand it; it stays where it is in the window. @param {string} group */
  function toggle(group) {
    const before = frameNow();
    const anchor = (/** @type {ReturnType<typeof scene>} */ { picture }) => {
      const first = scene()
        .graph.groups.get(group)
        ?.members.find((id) => picture.points.has(id));
      return picture.points.get(group) ?? picture.points.get(first ?? "");
    };
    const was = anchor(scene());
    store.set({ collapsed: toggleGroup(store.get().collapsed, group) });
    const now = anchor(scene());
    if (store.get().y && was && now) {
      const by = now.y - was.y;
      look({ x: before.x, y: [before.y[0] + by, before.y[1] + by] });
    }
    const members = new Set([group, ...(scene().graph.groups.get(group)?.members ?? [])]);
    if (cursor && members.has(cursor)) cursor = now?.id ?? null;
  }

  const placesOf = (/** @type {string[]} */ ids) => {
    const { picture, fold } = scene();
    return ids.flatMap((id) => picture.points.get(fold.standsFor(id)) ?? []);
  };

  const pointing = createPointing(root, {
    ...{ store, scene, frameNow, isShown, pick },
    isOurs: cuts ? isOurs : () => false,
    margins: () => marginsOf(narrow()),
  });

  listenToHands(root, {
    margins: () => marginsOf(narrow()),
    ...pointing,
    onPan(dx, dy) {
      look(panned(frameNow(), dx, dy));
    },
    onZoom: zoom,
    onBox(box, done, add) {
      frameBox.hidden = done || !box;
      if (!box) return;
      Object.assign(frameBox.style, {
        ...{ left: `${Math.min(box.x0, box.x1)}px`, top: `${Math.min(box.y0, box.y1)}px` },
        ...{ width: `${Math.abs(box.x1 - box.x0)}px`, height: `${Math.abs(box.y1 - box.y0)}px` },
      });
      if (!done) return;
      const { picture } = scene();
      const ids = pointsIn(picture, frameNow(), box, isShown).flatMap((id) =>
        (picture.groups.get(id)?.members ?? [id]).filter(isOurs),
      );
      const view = store.get();
      if (ids.length || !add)
        store.set(select(view, [...new Set([...(add ? selectionOf(view) : []), ...ids])]));
    },
    onEnd: settle,
  });

  root.addEventListener("dblclick", (event) => {
    if (!(event.target instanceof Element) || !event.target.closest("button")) fit();
  });
  root.addEventListener("blur", () => setCursor(null));
  document.addEventListener("themechange", () => {
    palette = readPalette();
    schedule();
  });
  new ResizeObserver(() => {
    if (size !== `${root.clientWidth} ${root.clientHeight}`) schedule();
  }).observe(root);
  store.onChange((now, before) => {
    const { x, y, panel, prompt, side, against, lights, mode, within, open, ...rest } = now;
    const changed = Object.keys(rest).some(
      (key) => now[/** @type {keyof typeof now} */ (key)] !== before[/** @type {keyof typeof now} */ (key)],
    );
    if (changed) schedule();
    else if (x !== before.x || y !== before.y) follow();
  });

  /** @param {string | null} id */
  function setCursor(id) {
    cursor = id;
    preview();
  }

  const fit = () => look(scene().picture);

  return {
    render,
    pick,
    toggle,
    fit,
    select: choose,
    zoomIn: () => zoom(1 / 1.4),
    zoomOut: () => zoom(1.4),
    /** @param {number} dx pixels @param {number} dy */
    pan: (dx, dy) => look(panned(frameNow(), dx, dy)),
    /** Show all of these and little else. @param {string[]} ids */
    frame(ids) {
      const places = placesOf(ids);
      if (places.length) look(framing(places));
    },
    /** Move so that a thing is in sight. @param {string} id */
    reveal(id) {
      const [place] = placesOf([id]);
      const moved = place && revealing(frameNow(), place);
      if (moved) look(moved);
    },
    redraw: schedule,
    /** Colour nodes by values; null by effects again. @param {import("./light.js").Light | null} values */
    light(values) {
      light = values;
      schedule();
    },
    cursor: () => cursor,
    setCursor,
    /** @param {string} id */
    linesOf: (id) => pointLines(scene().graph, scene().picture, id),
    scene,
    isShown,
  };
}

/** @typedef {ReturnType<typeof createCanvas>} Canvas */
