// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  intoGroup,
  isEmpty,
  movedStep,
  NOTHING,
  outOfGroup,
  renamed,
  requestOf,
  same,
  withoutStep,
  withStep,
  withText,
  writtenIn,
} from "../../static/annotation.js";
import { searchNodes } from "../../static/find.js";
import { foldOf } from "../../static/fold.js";
import { graphOf } from "../../static/graph.js";
import { layoutCircuit } from "../../static/layout.js";
import { groupPlaces, labelPlaces } from "../../static/note_marks.js";
import { createNotes, draftKey } from "../../static/notes.js";
import { addressOf, startOf, stepIn } from "../../static/story_place.js";
import { cornerFor } from "../../static/tour.js";
import { keyNode, resultWords, tourSteps } from "../../static/tour_steps.js";
import { handCircuit } from "./hand_circuit.js";

const A = "0.mlp.post_act:117";
const B = "0.attn.q:33";

test("a label is written, rewritten, and gone when it is empty", () => {
  const one = withText(NOTHING, "labels", A, "quote");
  assert.deepEqual(one.labels, { [A]: "quote" });
  assert.deepEqual(withText(one, "labels", A, "").labels, {});
  assert.deepEqual(NOTHING.labels, {});
});

test("a group takes nodes once, joins one of its name, and ends with its last node", () => {
  const one = intoGroup(intoGroup(NOTHING, " readers ", [A, A]), "readers", [B, A]);
  assert.deepEqual(one.groups, [{ name: "readers", nodes: [A, B] }]);
  assert.equal(intoGroup(one, "  ", [A]), one);
  const two = intoGroup(one, "others", [A]);
  assert.deepEqual(renamed(two, "others", "readers").groups, [{ name: "readers", nodes: [A, B] }]);
  assert.deepEqual(renamed(one, "readers", "x").groups[0]?.name, "x");
  assert.deepEqual(outOfGroup(one, "readers", [A, B]).groups, []);
});

test("steps of a story move and go; at the ends nothing moves", () => {
  const story = ["1", "2", "3"].map((sentence) => ({ view: "", sentence }));
  const written = story.reduce(withStep, NOTHING);
  const order = (/** @type {typeof written} */ of) => of.story.map((step) => step.sentence).join("");
  assert.equal(order(movedStep(written, 0, 1)), "213");
  assert.equal(order(movedStep(written, 2, 1)), "123");
  assert.equal(order(movedStep(written, 0, -1)), "123");
  assert.equal(order(withoutStep(written, 1)), "13");
});

test("what is sent leaves blanks out, and the order of writing does not matter", () => {
  const one = withText(withText(NOTHING, "labels", A, " x "), "labels", B, "  ");
  assert.deepEqual(requestOf(one, null).labels, { [A]: "x" });
  assert.equal(requestOf(one, null).title, "Notes");
  const ab = withText(withText(NOTHING, "notes", A, "1"), "notes", B, "2");
  const ba = withText(withText(NOTHING, "notes", B, "2"), "notes", A, "1");
  assert.ok(same(ab, ba) && !same(ab, one) && isEmpty({ ...NOTHING, title: "only a title" }));
});

/** A shelf as localStorage is one. */
function shelf() {
  const kept = /** @type {Map<string, string>} */ (new Map());
  return {
    kept,
    getItem: (/** @type {string} */ key) => kept.get(key) ?? null,
    setItem: (/** @type {string} */ key, /** @type {string} */ text) => void kept.set(key, text),
    removeItem: (/** @type {string} */ key) => void kept.delete(key),
  };
}

/** @param {import("../../static/types.js").AnnotationRequest} body @param {string} id */
const record = (body, id) =>
  /** @type {import("../../static/types.js").Annotation} */ (
    /** @type {unknown} */ ({ ...body, id, link: `/circuits/c?notes=${id}`, circuit: "c" })
  );

test("unsaved notes survive a reload; saved ones are a revision of what they were edited from", async () => {
  const drafts = shelf();
  const sent = /** @type {(string | null | undefined)[]} */ ([]);
  const open = (/** @type {import("../../static/types.js").Annotation | null} */ kept) =>
    createNotes({
      ...{ circuit: "c", kept, shelf: drafts },
      post: async (body) => {
        sent.push(body.parent);
        return record(body, `id${sent.length}`);
      },
    });
  const first = open(null);
  assert.equal(first.unsaved(), false);
  first.change((now) => withText(now, "labels", A, "quote"));
  const again = open(null);
  assert.ok(again.unsaved() && again.get().labels[A] === "quote");
  const kept = await again.save();
  assert.ok(!again.unsaved() && drafts.kept.size === 0);
  const edited = open(kept);
  edited.change((now) => withText(now, "labels", A, "quote!"));
  assert.deepEqual([...drafts.kept.keys()], [draftKey("c", "id1")]);
  assert.equal(open(null).unsaved(), false, "the draft belongs to the revision it was edited from");
  await edited.save();
  assert.deepEqual(sent, [null, "id1"]);
});

test("notes work without a shelf, with a full one, and with nonsense on it", () => {
  const full = { ...shelf(), setItem: () => assert.fail("full") };
  const nonsense = { ...shelf(), getItem: () => "{" };
  for (const one of [null, full, nonsense]) {
    const notes = createNotes({
      circuit: "c",
      kept: null,
      shelf: one,
      post: async (body) => record(body, "x"),
    });
    notes.change((now) => withText(now, "labels", A, "x"));
    assert.ok(notes.unsaved());
    notes.drop();
    assert.deepEqual(notes.get(), writtenIn(null));
  }
});

const STORY = [
  { view: `?node=${A}`, sentence: "one" },
  { view: "", sentence: "two" },
];

test("a story opens at its step, unless the address names a view of its own", () => {
  assert.deepEqual(
    [stepIn("?step=2", 2), stepIn("?step=3", 2), stepIn("?step=x", 2), stepIn("", 2)],
    [1, null, null, null],
  );
  assert.equal(startOf("?notes=n&step=1", STORY), `?node=${A}`);
  assert.equal(startOf(`?notes=n&step=1&node=${B}`, STORY), `?notes=n&step=1&node=${B}`);
  assert.equal(startOf("?notes=n", STORY), "?notes=n");
});

test("the address names the step while its view is shown, else the view too", () => {
  assert.equal(addressOf(`?node=${A}`, null, 0, STORY), `?node=${A}`);
  assert.equal(addressOf(`?node=${A}`, "n", 0, STORY), "?notes=n&step=1");
  assert.equal(addressOf("", "n", 1, STORY), "?notes=n&step=2");
  assert.equal(addressOf(`?node=${B}`, "n", 0, STORY), `?node=${B}&notes=n&step=1`);
  assert.equal(addressOf("", "n", null, STORY), "?notes=n");
});

test("search finds a node by the label that people gave it", () => {
  const graph = graphOf(handCircuit());
  assert.deepEqual(
    searchNodes(graph, "quote", () => ""),
    [],
  );
  graph.own = new Map([[A, "the Quote detector"]]);
  assert.deepEqual(
    searchNodes(graph, "quote", () => "").map((node) => node.id),
    [A],
  );
});

test("labels of one row that would lie on each other go above and below, a third goes", () => {
  const picture = layoutCircuit(handCircuit());
  const row = picture.rows.find((one) => one.ids.includes(B));
  assert.ok(row);
  const point = picture.points.get(B);
  assert.ok(point);
  for (const id of ["x", "y"]) picture.points.set(id, { ...point, id });
  const frame = { width: 400, height: 400, x: picture.x, y: picture.y };
  const places = labelPlaces({ [B]: "first", x: "second", y: "third" }, picture, frame, () => true);
  assert.deepEqual(
    places.map((place) => place.below),
    [false, true],
  );
});

test("a group of a collapsed layer is outlined where the layer stands", () => {
  const circuit = handCircuit();
  const picture = layoutCircuit(circuit, ["0.mlp"]);
  const fold = foldOf(circuit.nodes, ["0.mlp"]);
  const group = { name: "g", nodes: [A, "0.mlp.act_in:9", B, "0.attn.act_in:7"] };
  const places = groupPlaces(group, { picture, fold }, (id) => id !== "0.attn.act_in:7");
  assert.deepEqual(
    places.map((place) => place.id),
    ["0.mlp", B],
  );
});

// -- the tour --

/** The hand circuit with the figures that the tour tells. */
function measured() {
  const loss = (/** @type {number} */ value) => ({
    loss_nats: { value, low: value, high: value },
    n_pairs: 8,
  });
  return /** @type {import("../../static/types.js").CircuitDetail} */ (
    /** @type {unknown} */ ({
      ...handCircuit(),
      example: { prompts: ['print("x', "print('x"], answers: ['")', "')"] },
      measures: { circuit: loss(0.125), full_model: loss(0.01), empty_circuit: loss(0.7) },
    })
  );
}

test("the tour ends with the cut of the node that matters most, whichever it is", () => {
  const circuit = measured();
  assert.equal(keyNode(circuit).id, "0.attn.act_in:7");
  for (const node of circuit.nodes) if (node.id === A) node.effect_nats = 3;
  const steps = tourSteps(circuit);
  assert.ok(steps.length >= 6 && steps.length <= 8);
  const view = /** @type {import("../../static/types.js").View} */ (
    /** @type {unknown} */ ({ node: null, cut: [B] })
  );
  const asked = steps.filter((step) => step.done);
  assert.deepEqual(
    asked.map((step) => step.done?.(view)),
    [false, false],
  );
  for (const step of asked) assert.ok(step.done?.({ ...view, ...step.help?.change(view) }), step.title);
  assert.deepEqual(asked.at(-1)?.help?.change(view).cut, [B, A]);
  assert.equal(steps.at(-1)?.shows, "result");
  assert.ok(steps.some((step) => step.words.join(" ").includes("0.125 [0.125, 0.125]")));
});

test("the result is told as it was measured", () => {
  const at = (/** @type {number} */ value) => ({ value, low: value - 0.5, high: value + 0.5 });
  const cut = {
    request: { nodes: [A] },
    before: { loss_nats: at(0.125) },
    after: { loss_nats: at(2.5), n_pairs: 64 },
    loss_change_nats: at(2.375),
  };
  const words = resultWords(/** @type {any} */ (cut));
  assert.match(words, /from 0\.125 to 2\.500 nats, worse than a coin toss: \+2\.375 \[\+1\.875, \+2\.875\]/);
  assert.match(words, /64 held-out pairs/);
});

test("the card of the tour stands where it hides least", () => {
  const [box, room] = [
    { width: 400, height: 200 },
    { width: 1440, height: 900 },
  ];
  const right = { left: 1000, top: 100, right: 1440, bottom: 900 };
  assert.equal(cornerFor(box, right, room).left, 16);
  const below = { left: 0, top: 600, right: 390, bottom: 800 };
  const narrow = cornerFor({ width: 382, height: 200 }, below, { width: 390, height: 844 });
  assert.deepEqual([narrow.left, narrow.top], [8, 16]);
});
