// @ts-check
// In a page saved to a file: what its scripts ask the server for is answered from what was recorded. Classic script.
{
  const known = /** @type {Record<string, any>} */ (/** @type {any} */ (window).recorded);
  const headers = { "content-type": "application/json" };
  const message =
    "This saved page has no model to run: that was not recorded. It holds nodes, single cuts to the mean, and sweeps.";

  /** @param {string} path @param {RequestInit} options */
  const answer = (path, options) => {
    if ((options.method ?? "GET") === "GET") return known[`GET ${decodeURIComponent(path)}`];
    const body = JSON.parse(String(options.body ?? "{}"));
    if (path.endsWith("/sweeps")) return known[`SWEEP ${body.mode}`];
    if (body.target?.kind !== "circuit" || body.nodes?.length !== 1) return undefined;
    const record = known[`CUT ${body.mode} ${body.nodes[0]}`];
    return path.endsWith("/estimates") ? (record?.estimate ?? undefined) : record;
  };

  window.fetch = async (path, options = {}) => {
    const found = answer(String(path), options);
    if (found !== undefined) return new Response(JSON.stringify(found), { headers });
    const refusal = JSON.stringify({ error: { status: 404, message } });
    return new Response(refusal, { status: 404, headers });
  };

  // Links to other pages of the server lead nowhere from here.
  document.addEventListener(
    "click",
    (event) => {
      const link = event.target instanceof Element && event.target.closest("a[href^='/']");
      if (link) event.preventDefault();
    },
    true,
  );

  // A file's address cannot be rewritten in every browser; the view is then kept by the page alone.
  const replace = history.replaceState.bind(history);
  history.replaceState = (...given) => {
    try {
      replace(...given);
    } catch {
      // The view stays.
    }
  };
}
