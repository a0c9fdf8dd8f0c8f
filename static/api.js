// @ts-check
// The only file that talks to the server: requests, their refusals, the event stream, the connection.

/**
 * @import { Ablation, AblationRequest, Annotation, AnnotationRequest, ChannelPage, CircuitDetail, ErrorAnswer, Job, JobDetail, JobLogLine, ModelDetail, NodeDetail, PruneRequest,
 *   ImportCheck, Imported, ModelArrival, RunAnswer, StepEvent, TaskCheck, TaskDetail, TaskMeasure, TaskRequest, TaskSummary } from "./types.js"
 * @import { CircuitSizes, CircuitSummary, MeasuredSize } from "./types.js"
 * @import { CardJob, CardPart, Failures, LabelProposals } from "./card_types.js"
 * @import { AttentionAnswer, Contrast, Ledger, PromptTrace, Sharpness } from "./panel_types.js"
 */

const RETRY_MS = 3000;
const WATCH_MS = 20_000;

/** A refusal, in the server's sentence; `status` is 0 when the server could not be reached. */
export class ApiError extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

let connected = true;
const watchers = /** @type {Set<(up: boolean) => void>} */ (new Set());

/** @param {(up: boolean) => void} watcher told whenever the connection is lost or back @returns {() => void} stops that */
export function onConnection(watcher) {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

/** @param {boolean} up */
function setConnected(up) {
  if (up === connected) return;
  connected = up;
  for (const watcher of watchers) watcher(up);
  if (!up) setTimeout(probe, RETRY_MS);
}

/** Ask the server whether it is there. @returns {Promise<string | null>} its version; null where it does not answer */
async function ask() {
  try {
    const answer = await fetch("/healthz");
    if (!answer.ok) return null;
    setConnected(true);
    return /** @type {{ version: string }} */ (await answer.json()).version;
  } catch {
    return null;
  }
}

async function probe() {
  await ask();
  if (!connected) setTimeout(probe, RETRY_MS);
}

/**
 * For pages that stay open: notice a lost server before the reader needs it, and one that has become another.
 * @param {(version: string) => void} onOther told the version when it is not the one that was first met
 */
export function watchServer(onOther) {
  let first = /** @type {string | null} */ (null);
  const look = async () => {
    if (document.hidden || !connected) return;
    const version = await ask();
    if (version === null) setConnected(false);
    else if (first !== null && version !== first) onOther(version);
    first ??= version;
  };
  setTimeout(look, RETRY_MS);
  setInterval(look, WATCH_MS);
  for (const event of ["focus", "online", "offline"]) window.addEventListener(event, look);
  document.addEventListener("visibilitychange", look);
}

/**
 * @param {string} path
 * @param {RequestInit} [options]
 * @param {(answer: Response) => Promise<any>} [read]
 * @returns {Promise<any>}
 */
async function request(path, options = {}, read = (answer) => answer.json()) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: { accept: "application/json", ...options.headers } });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    setConnected(false);
    throw new ApiError(0, "The server cannot be reached.");
  }
  setConnected(true);
  if (answer.ok) return read(answer);
  const refusal = /** @type {Partial<ErrorAnswer>} */ (await answer.json().catch(() => ({})));
  throw new ApiError(answer.status, refusal.error?.message ?? `The server answered ${answer.status}.`);
}

/** @param {string} path @param {object} body @param {AbortSignal} [signal] */
const post = (path, body, signal) =>
  request(path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json" },
    ...(signal ? { signal } : {}),
  });

/** @param {string} id @returns {Promise<CircuitDetail>} */
export const getCircuit = (id) => request(`/circuits/${id}.json`);

/** @param {string} circuit @returns {Promise<CircuitSizes>} */
export const getSizes = (circuit) => request(`/circuits/${circuit}/sizes.json`);

/** @param {string} circuit @param {number} n @param {AbortSignal} [signal] @returns {Promise<MeasuredSize>} */
export const getSize = (circuit, n, signal) =>
  request(`/circuits/${circuit}/sizes/${n}.json`, signal ? { signal } : {});

/** @param {string} circuit @param {number} n @returns {Promise<CircuitSummary>} */
export const keepSize = (circuit, n) => post(`/circuits/${circuit}/sizes/${n}`, {});

/** @param {string} circuit @param {string} node @param {AbortSignal} [signal] @returns {Promise<NodeDetail>} */
export const getNode = (circuit, node, signal) =>
  request(`/circuits/${circuit}/nodes/${node}.json`, signal ? { signal } : {});

/** @param {string} name @returns {Promise<ModelDetail>} */
export const getModel = (name) => request(`/models/${name}.json`);

/** @returns {Promise<TaskSummary[]>} */
export const getTasks = () => request("/tasks.json");

/** @param {string} path of a view @returns {Promise<import("./share_types.js").ShortLink>} */
export const postShortLink = (path) => post("/s", { path });

/** @typedef {"circuits" | "annotations" | "ablations"} SharedKind */

/** @param {SharedKind} kind @param {string} id @returns {Promise<import("./share_types.js").Publication>} */
export const getPublication = (kind, id) => request(`/${kind}/${id}/publication.json`);

/** @param {SharedKind} kind @param {string} id @param {import("./share_types.js").PublicationRequest} body @returns {Promise<import("./share_types.js").Publication>} */
export const publish = (kind, id, body) =>
  request(`/${kind}/${id}/publication`, {
    method: "PUT",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json" },
  });

/** @param {SharedKind} kind @param {string} id @returns {Promise<import("./share_types.js").Publication>} */
export const takeBack = (kind, id) => request(`/${kind}/${id}/publication`, { method: "DELETE" });

/** @param {SharedKind} kind @param {string} id @returns {Promise<import("./share_types.js").Citation>} */
export const getCitation = (kind, id) => request(`/${kind}/${id}/citation.json`);

/** @param {string} circuit @param {import("./share_types.js").ForkRequest} body @returns {Promise<CircuitSummary>} */
export const postFork = (circuit, body) => post(`/circuits/${circuit}/forks`, body);

/** @returns {Promise<object>} prompt pairs in the form that a task of one's own takes */
export const getExamplePairs = () => request("/tasks/new.json");

/** @param {TaskRequest} body @returns {Promise<TaskCheck>} */
export const checkTask = (body) => post("/tasks/check", body);

/** @param {TaskRequest} body @returns {Promise<TaskDetail>} */
export const postTask = (body) => post("/tasks", body);

/** @param {string} model @param {string} task @returns {Promise<TaskMeasure>} */
export const measureTask = (model, task) => request(`/models/${model}/tasks/${task}.json`);

/** @param {string} model @param {URLSearchParams} query @returns {Promise<ChannelPage>} */
export const getChannels = (model, query) => request(`/models/${model}/channels.json?${query}`);

/** @param {AblationRequest} body @param {AbortSignal} [signal] @returns {Promise<import("./lab_types.js").Estimate>} */
export const postEstimate = (body, signal) => post("/ablations/estimates", body, signal);

/** @param {string} url of an ablation @returns {Promise<import("./lab_types.js").AblationCheck>} */
export const postCheck = (url) => post(`${url}/checks`, {});

/** @param {string} circuit @param {import("./lab_types.js").SweepRequest} body @returns {Promise<import("./lab_types.js").Sweep>} */
export const postSweep = (circuit, body) => post(`/circuits/${circuit}/sweeps`, body);

/** @param {string} circuit @param {import("./lab_types.js").SweepRequest} body @returns {Promise<Job>} */
export const postSweepJob = (circuit, body) => post(`/circuits/${circuit}/sweeps/jobs`, body);

/** @param {string} path of a plain text @returns {Promise<string>} */
export const getText = (path) => request(path, {}, (answer) => answer.text());

/** @param {AblationRequest} body @param {AbortSignal} [signal] @returns {Promise<Ablation>} */
export const postAblation = (body, signal) => post("/ablations", body, signal);

/** @param {string} circuit @param {AnnotationRequest} body @returns {Promise<Annotation>} */
export const postAnnotation = (circuit, body) => post(`/circuits/${circuit}/annotations`, body);

/** @param {string} circuit @param {string} prompt @param {AbortSignal} [signal] @returns {Promise<RunAnswer>} */
export const postRun = (circuit, prompt, signal) => post(`/circuits/${circuit}/runs`, { prompt }, signal);

/**
 * One side of a node: on the task's pairs, on held-out text, as a function.
 * @param {string} circuit @param {string} node @param {"task" | "corpus" | "response"} side @returns {Promise<any>}
 */
export const getNodeSide = (circuit, node, side) =>
  request(`/circuits/${circuit}/nodes/${node}/${side}.json`);

/** @param {string} circuit @param {string} prompt @param {AbortSignal} [signal] @returns {Promise<PromptTrace>} */
export const postTrace = (circuit, prompt, signal) => post(`/circuits/${circuit}/traces`, { prompt }, signal);

/** @param {string} circuit @param {string} prompt @param {AbortSignal} [signal] @returns {Promise<Ledger>} */
export const postLedger = (circuit, prompt, signal) =>
  post(`/circuits/${circuit}/ledgers`, { prompt }, signal);

/** @param {string} circuit @param {[string, string]} prompts @param {AbortSignal} [signal] @returns {Promise<Contrast>} */
export const postContrast = (circuit, prompts, signal) =>
  post(`/circuits/${circuit}/contrasts`, { prompts }, signal);

/** @param {string} circuit @param {number} layer @param {number} head @param {string} prompt @returns {Promise<AttentionAnswer>} */
export const postAttention = (circuit, layer, head, prompt) =>
  post(`/circuits/${circuit}/attention`, { layer, head, prompt });

/** @param {string} circuit @param {number} layer @param {number} head @returns {Promise<Sharpness>} */
export const getSharpness = (circuit, layer, head) =>
  request(`/circuits/${circuit}/heads/${layer}.${head}/sharpness.json`);

/** @param {Partial<Omit<PruneRequest, "settings">> & { settings: object }} body @returns {Promise<Job>} */
export const postJob = (body) => post("/jobs", body);

/** @param {{ model: string, task: string, settings: object, n_trials: number }} body @returns {Promise<Job>} */
export const postSearch = (body) => post("/jobs/searches", body);

/** @param {string} circuit @param {string} control @returns {Promise<CardPart>} */
export const computeControl = (circuit, control) => post(`/circuits/${circuit}/card/${control}`, {});

/** @param {string} circuit @param {CardJob} body @returns {Promise<Job>} */
export const postCardJob = (circuit, body) => post(`/circuits/${circuit}/card/jobs`, body);

/** @param {string} circuit @param {{ prompts: string[] }} body @returns {Promise<Failures>} */
export const postFailures = (circuit, body) => post(`/circuits/${circuit}/failures`, body);

/** The program of a circuit, simplified and run on fresh prompts. @param {string} circuit @returns {Promise<unknown>} */
export const measureProgram = (circuit) => request(`/circuits/${circuit}/program.json?measure=1`);

/** @param {string} circuit @param {string} node @param {AbortSignal} [signal] @returns {Promise<LabelProposals>} */
export const getLabel = (circuit, node, signal) =>
  request(`/circuits/${circuit}/nodes/${node}/label.json`, signal ? { signal } : {});

/** A form with its files, as it is. @param {string} path @param {FormData} body @returns {Promise<any>} */
const send = (path, body) => request(path, { method: "POST", body });

/** @param {FormData} body @returns {Promise<ImportCheck>} */
export const checkImport = (body) => send("/import/check", body);

/** @param {FormData} body @returns {Promise<Imported>} */
export const keepImport = (body) => send("/import", body);

/** @param {FormData} body @returns {Promise<ModelArrival>} */
export const addModel = (body) => send("/models", body);

/** @param {string} id @returns {Promise<JobDetail>} */
export const getJob = (id) => request(`/jobs/${id}.json`);

/** @param {string} id @returns {Promise<Job>} */
export const cancelJob = (id) => post(`/jobs/${id}/cancel`, {});

/** @param {string} id @returns {Promise<Job>} asked to end now with what it has */
export const stopJob = (id) => post(`/jobs/${id}/stop`, {});

/** @returns {Promise<Job[]>} newest first */
export const getJobs = () => request("/jobs.json");

/** States after which a job does not change. */
export const FINAL_STATES = ["done", "failed", "cancelled"];

/**
 * Follow a job until its final state. The browser reconnects by itself and resumes where it was.
 * @param {Job} job
 * @param {{ onStep(event: StepEvent): void, onState(job: Job): void, onLog(line: JobLogLine): void,
 *   onConnected(up: boolean): void }} listeners
 * @returns {() => void} stops following
 */
export function followJob(job, { onStep, onState, onLog, onConnected }) {
  const source = new EventSource(job.events_url);
  source.addEventListener("open", () => onConnected(true));
  source.addEventListener("error", () => onConnected(false));
  source.addEventListener("step", (event) => onStep(JSON.parse(event.data)));
  source.addEventListener("log", (event) => onLog(JSON.parse(event.data)));
  source.addEventListener("state", (event) => {
    const now = /** @type {Job} */ (JSON.parse(event.data));
    if (FINAL_STATES.includes(now.state)) source.close();
    onState(now);
  });
  return () => source.close();
}
