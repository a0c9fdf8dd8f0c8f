// @ts-check
// An ablation as a command: what a reader pastes to get the same figures elsewhere.

/** @import { AblationRequest, View } from "./types.js" */

/** @param {View} view @param {{ id: string, model: string, task: string }} circuit @param {number} nPairs @returns {AblationRequest} */
export function ablationRequest(view, circuit, nPairs) {
  const target =
    view.within === "model"
      ? /** @type {const} */ ({ kind: "model", model: circuit.model, task: circuit.task })
      : /** @type {const} */ ({ kind: "circuit", circuit: circuit.id });
  return { target, nodes: view.cut, mode: view.mode, n_pairs: nPairs, seed: 0 };
}

/** @param {string} origin @param {AblationRequest} body */
export const asCurl = (origin, body) =>
  `curl -s ${origin}/ablations -H 'content-type: application/json' \\\n  -d '${JSON.stringify(body)}'`;

/** @param {string} origin @param {AblationRequest} body */
export const asPython = (origin, body) =>
  [
    "import json, urllib.request",
    "",
    `body = json.loads('${JSON.stringify(body)}')`,
    "request = urllib.request.Request(",
    `    "${origin}/ablations", json.dumps(body).encode(), {"content-type": "application/json"}`,
    ")",
    "ablation = json.load(urllib.request.urlopen(request))",
    'print(ablation["after"]["loss_nats"])',
    "",
  ].join("\n");
