// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  clamped,
  framing,
  fromPixels,
  isPart,
  overscanned,
  panned,
  revealing,
  toPixels,
  zoomed,
} from "../../static/camera.js";
import { graphOf } from "../../static/graph.js";
import { bundleAt, pointAt, pointsIn } from "../../static/hit.js";
import { createScenes } from "../../static/scene.js";
import { DEFAULT_VIEW } from "../../static/state.js";
import { handCircuit } from "./hand_circuit.js";

const { picture, bundles } = createScenes(graphOf(handCircuit())).of(DEFAULT_VIEW);
const frame = { width: 800, height: 600, x: picture.x, y: picture.y };
const always = () => true;
/** @param {string} id */
const pixelsOf = (id) => {
  const point = picture.points.get(id);
  assert.ok(point, id);
  return toPixels(frame, point.x, point.y);
};

test("pixels and places are each other's inverse; y grows upwards", () => {
  const at = toPixels(frame, 3, 4);
  const back = fromPixels(frame, at.x, at.y);
  assert.ok(Math.abs(back.x - 3) < 1e-9 && Math.abs(back.y - 4) < 1e-9);
  assert.ok(toPixels(frame, 0, 5).y < toPixels(frame, 0, 4).y);
});

test("zooming keeps the place under the pointer", () => {
  const before = fromPixels(frame, 200, 100);
  const after = fromPixels({ ...frame, ...zoomed(frame, 0.5, 200, 100) }, 200, 100);
  assert.ok(Math.abs(before.x - after.x) < 1e-9 && Math.abs(before.y - after.y) < 1e-9);
});

test("panning moves the picture by as many pixels", () => {
  const now = { ...frame, ...panned(frame, 30, -20) };
  const [was, is] = [toPixels(frame, 2, 2), toPixels(now, 2, 2)];
  assert.ok(Math.abs(is.x - was.x - 30) < 1e-9 && Math.abs(is.y - was.y + 20) < 1e-9);
});

test("nothing beyond the picture is shown, nor less than a few slots", () => {
  assert.deepEqual(clamped({ x: [-99, 99], y: [-99, 99] }, picture), { x: picture.x, y: picture.y });
  const tiny = clamped({ x: [2, 2.01], y: [3, 3.01] }, picture);
  assert.equal(tiny.x[1] - tiny.x[0], 4);
  const pushed = clamped({ x: [picture.x[1], picture.x[1] + 5], y: picture.y }, picture);
  assert.equal(pushed.x[1], picture.x[1]);
});

test("a frame around some places holds them all", () => {
  const { x, y } = framing([
    { x: 1, y: 2 },
    { x: 9, y: 4 },
  ]);
  assert.ok(x[0] < 1 && x[1] > 9 && y[0] < 2 && y[1] > 4);
});

test("what is in sight is not moved to; what is not is moved to", () => {
  assert.equal(revealing({ x: [0, 10], y: [0, 10] }, { x: 5, y: 5 }), null);
  const moved = revealing({ x: [0, 10], y: [0, 10] }, { x: 20, y: 5 });
  assert.ok(moved && moved.x[0] < 20 && moved.x[1] > 20);
  assert.deepEqual(moved.y, [0, 10]);
});

test("the whole is not a part", () => {
  assert.equal(isPart(frame, picture), false);
  assert.equal(isPart({ x: [0, 3], y: picture.y }, picture), true);
});

test("what is drawn beyond the frame is in the same scale", () => {
  const wide = overscanned(frame, 0.25);
  const scale = (/** @type {typeof frame} */ f) => f.width / (f.x[1] - f.x[0]);
  assert.ok(Math.abs(scale(wide) - scale(frame)) < 1e-9);
  assert.equal(wide.width, 1200);
});

test("the nearest point under the pointer is found, within reach and only if it shows", () => {
  const at = pixelsOf("0.attn.v:35");
  assert.equal(pointAt(picture, frame, at.x + 5, at.y, 12, always), "0.attn.v:35");
  assert.equal(pointAt(picture, frame, at.x + 5, at.y, 3, always), null);
  assert.equal(
    pointAt(picture, frame, at.x, at.y, 12, (id) => id !== "0.attn.v:35"),
    null,
  );
});

test("a line is found along its curve and not beside it", () => {
  const [a, b] = [pixelsOf("0.attn.v:35"), pixelsOf("0.attn.resid_delta:9")];
  const edges = bundles.filter((one) => one.kind === "edge");
  const found = bundleAt(edges, picture, frame, (a.x + b.x) / 2, (a.y + b.y) / 2);
  assert.equal(found?.target, "0.attn.resid_delta:9");
  assert.equal(bundleAt(edges, picture, frame, 799, 599), null);
});

test("a box takes what is inside it, whichever corner it was drawn from", () => {
  const at = pixelsOf("0.mlp.post_act:117");
  const box = { x0: at.x + 9, y0: at.y + 9, x1: at.x - 9, y1: at.y - 9 };
  assert.deepEqual(pointsIn(picture, frame, box, always), ["0.mlp.post_act:117"]);
});
