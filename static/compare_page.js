// @ts-check
// The page of two circuits: both in one picture, each in its own where the models differ; the view is in the URL.

import { getCircuit, postJob } from "./api.js";
import { createCanvas } from "./canvas.js";
import { compareShapes } from "./compare_shapes.js";
import { arm, debounce, fill, h, need, pageData } from "./dom.js";
import { errorNotice } from "./notice.js";
import { createScenes } from "./scene.js";
import { createStore, readView, writeView } from "./state.js";
import { drawStill } from "./still.js";
import { unionGraph } from "./union.js";

const ids = /** @type {{ a: string, b: string }} */ (pageData("compare-data"));

for (const form of document.querySelectorAll("form")) {
  if (!form.classList.contains("seed-form")) continue;
  form.addEventListener("submit", (event) => prune(event, form));
  arm(form);
}

/** @param {Event} event @param {HTMLFormElement} form */
async function prune(event, form) {
  event.preventDefault();
  const { model = "", task = "" } = form.dataset;
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
  button.disabled = true;
  try {
    const settings = JSON.parse(form.querySelector("script")?.textContent ?? "{}");
    location.assign((await postJob({ kind: "prune", model, task, settings })).url);
  } catch (error) {
    form.append(errorNotice(error));
    button.disabled = false;
  }
}

for (const frame of document.querySelectorAll(".still")) if (frame instanceof HTMLElement) drawStill(frame);

const root = document.getElementById("graph");
if (root) await drawBoth(root);

/** @param {HTMLElement} root */
async function drawBoth(root) {
  try {
    const { graph, sides } = unionGraph(...(await Promise.all([getCircuit(ids.a), getCircuit(ids.b)])));
    const store = createStore(readView(location.search, graph.nodes, graph.terminals));
    const canvas = createCanvas(root, {
      graph,
      scenes: createScenes(graph),
      store,
      shapes: compareShapes(sides),
    });
    const write = () => {
      const more = writeView(store.get()).replace("?", "&");
      history.replaceState(null, "", `${location.pathname}?a=${ids.a}&b=${ids.b}${more}`);
    };
    store.onChange(debounce(write, 120));
    need("compare-fit").addEventListener("click", canvas.fit);
    need("compare-in").addEventListener("click", canvas.zoomIn);
    need("compare-out").addEventListener("click", canvas.zoomOut);
    await canvas.render();
    root.dataset.ready = "true";
  } catch (error) {
    fill(root, h("div", {}, errorNotice(error)));
  }
}
