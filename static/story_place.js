// @ts-check
// Where a story stands, and the address that opens the page there. Pure.

/** @import { StoryStep } from "./types.js" */
import { readView, writeView } from "./state.js";

/** `?step=3` of seven is 2, counted from 0; what is no step is null. @param {string} query @param {number} n */
export function stepIn(query, n) {
  const step = Number(new URLSearchParams(query).get("step"));
  return Number.isInteger(step) && step >= 1 && step <= n ? step - 1 : null;
}

/** The query of the view that a page opens with: that of its step, unless a view is named beside it. @param {string} query @param {StoryStep[]} story */
export function startOf(query, story) {
  const step = stepIn(query, story.length);
  return step === null || hasView(query) ? query : (story[step]?.view ?? "");
}

/** A view's query in the one form that it has. @param {string} view */
const tidy = (view) => writeView(readView(view));

/** Whether a query says what is to be seen beside which notes it opens. @param {string} query */
export function hasView(query) {
  const params = new URLSearchParams(query);
  for (const name of ["notes", "step", "tour"]) params.delete(name);
  return params.size > 0;
}

/**
 * The query of a view with the notes it belongs to: while it is the very view of a story's step, only the step is named.
 * @param {string} view as `writeView` has it
 * @param {string | null} notes the kept revision that is shown
 * @param {number | null} step where the story stands
 * @param {StoryStep[]} story of that revision
 */
export function addressOf(view, notes, step, story) {
  if (!notes) return view;
  const now = step === null ? undefined : story[step];
  if (now && tidy(now.view) === view) return `?notes=${notes}&step=${Number(step) + 1}`;
  return `${view}${view ? "&" : "?"}notes=${notes}${now ? `&step=${Number(step) + 1}` : ""}`;
}
