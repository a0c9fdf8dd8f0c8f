// @ts-check
// A program that has not been measured: it is simplified and run on fresh prompts while its code is read.

import { measureProgram } from "./api.js";
import { need } from "./dom.js";
import { errorNotice } from "./notice.js";

const line = need("measuring");
line.textContent =
  "Simplifying it on train prompts, then running both on 1,000 fresh ones in a process of their own: some ten seconds …";
measureProgram(line.dataset.circuit ?? "").then(
  () => location.replace(line.dataset.next ?? ""),
  (error) => line.replaceChildren(errorNotice(error)),
);
