// @ts-check
// An error in its place: the sentence, a way to try again, and a try of its own when the connection is back.

import { ApiError, onConnection } from "./api.js";
import { h } from "./dom.js";

/** @param {unknown} error */
export const sentence = (error) => (error instanceof Error ? error.message : String(error));

/** @param {unknown} error @param {() => void} [retry] */
export function errorNotice(error, retry) {
  const again = retry && h("button", { type: "button", onclick: retry }, "Try again");
  const notice = h(
    "div",
    { class: "notice error", role: "alert" },
    h("span", {}, sentence(error)),
    again && h("div", { class: "row" }, again),
  );
  if (retry && error instanceof ApiError && error.status === 0) {
    const stop = onConnection((up) => {
      if (up) stop();
      if (up && notice.isConnected) retry();
    });
  }
  return notice;
}
