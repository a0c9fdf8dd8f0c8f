"""Every path of the app, made in one place: patterns for the routes, functions for links."""

from urllib.parse import quote

HOME = "/"
HEALTH = "/healthz"
READY = "/readyz"
METRICS = "/metrics"
DOCS = "/docs"
FRONTIER = "/frontier"
MODELS = "/models"
MODELS_JSON = "/models.json"
MODEL = "/models/{name}"
MODEL_CHANNELS_JSON = "/models/{name}/channels.json"
MODEL_TASK_JSON = "/models/{name}/tasks/{task}.json"
TASKS = "/tasks"
TASK_NEW = "/tasks/new"
TASK_CHECK = "/tasks/check"
TASK = "/tasks/{name}"
CIRCUITS = "/circuits"
CIRCUIT = "/circuits/{circuit_id}"
CIRCUIT_NODE_JSON = "/circuits/{circuit_id}/nodes/{node_id}.json"
CIRCUIT_SIZES_JSON = "/circuits/{circuit_id}/sizes.json"
CIRCUIT_SIZE_JSON = "/circuits/{circuit_id}/sizes/{n_nodes}.json"
CIRCUIT_SIZE = "/circuits/{circuit_id}/sizes/{n_nodes}"
CIRCUIT_RUNS = "/circuits/{circuit_id}/runs"
NODE_TASK_JSON = "/circuits/{circuit_id}/nodes/{node_id}/task.json"
NODE_CORPUS_JSON = "/circuits/{circuit_id}/nodes/{node_id}/corpus.json"
NODE_RESPONSE_JSON = "/circuits/{circuit_id}/nodes/{node_id}/response.json"
CIRCUIT_TRACES = "/circuits/{circuit_id}/traces"
CIRCUIT_CONTRASTS = "/circuits/{circuit_id}/contrasts"
CIRCUIT_LEDGERS = "/circuits/{circuit_id}/ledgers"
CIRCUIT_ATTENTION = "/circuits/{circuit_id}/attention"
HEAD_SHARPNESS_JSON = "/circuits/{circuit_id}/heads/{layer}.{head}/sharpness.json"
CIRCUIT_ANNOTATIONS = "/circuits/{circuit_id}/annotations"
ANNOTATION = "/annotations/{annotation_id}"
CARD = "/circuits/{circuit_id}/card"
CARD_CONTROL = "/circuits/{circuit_id}/card/{control}"
CARD_JOBS = "/circuits/{circuit_id}/card/jobs"
FAILURES = "/circuits/{circuit_id}/failures"
STRESS = "/circuits/{circuit_id}/stress"
RULES = "/circuits/{circuit_id}/rules"
PROGRAM = "/circuits/{circuit_id}/program"
PROGRAM_PYTHON = "/circuits/{circuit_id}/program.py"
NODE_LABEL_JSON = "/circuits/{circuit_id}/nodes/{node_id}/label.json"
CIRCUIT_EXPORT = "/circuits/{circuit_id}/exports/{form}"
IMPORT = "/import"
IMPORT_CHECK = "/import/check"
FORMS_JSON = "/forms.json"
SCHEMA = "/schemas/{name}.json"
COMPARE = "/compare"
ABLATIONS = "/ablations"
ABLATION = "/ablations/{ablation_id}"
ABLATION_ESTIMATES = "/ablations/estimates"
ABLATION_CHECKS = "/ablations/{ablation_id}/checks"
ABLATION_PYTHON = "/ablations/{ablation_id}.py"
ABLATION_CURL = "/ablations/{ablation_id}.sh"
CIRCUIT_SWEEPS = "/circuits/{circuit_id}/sweeps"
CIRCUIT_SWEEP_JOBS = "/circuits/{circuit_id}/sweeps/jobs"
CIRCUIT_SWEEPS_CSV = "/circuits/{circuit_id}/sweeps.csv"
JOBS = "/jobs"
JOB_SEARCHES = "/jobs/searches"
JOB = "/jobs/{job_id}"
JOB_CANCEL = "/jobs/{job_id}/cancel"
JOB_STOP = "/jobs/{job_id}/stop"
JOB_LOG = "/jobs/{job_id}/log"
JOB_EVENTS = "/jobs/{job_id}/events"
GALLERY = "/gallery"
GUIDE = "/guide"
GUIDE_PAGE = "/guide/{slug}"
SHORT_LINKS = "/s"
SHORT_LINK = "/s/{link_id}"
PUBLICATION = "/{kind}/{record_id}/publication"
PUBLICATION_JSON = "/{kind}/{record_id}/publication.json"
CITATION_JSON = "/{kind}/{record_id}/citation.json"
CITATION_BIB = "/{kind}/{record_id}/citation.bib"
CIRCUIT_FORKS = "/circuits/{circuit_id}/forks"
CIRCUIT_LINEAGE_JSON = "/circuits/{circuit_id}/lineage.json"
EMBED = "/embed"
CIRCUIT_EMBED = "/embed/circuits/{circuit_id}"
SIGN_IN = "/sign-in"
SIGN_OUT = "/sign-out"
SPARSITY = "/sparsity/{model}/"
SPARSITY_NEURON = "/sparsity/{model}/neuron/{layer}/{neuron}"
SPARSITY_CHANNEL = "/sparsity/{model}/channel/{channel_id}"
CIRCUIT_PREVIEW = "/circuits/{circuit_id}/preview.png"
STATIC = "/static"
PLOTLY = "/vendor/plotly"

#: Pages that a short link may open.
PAGES = (
    HOME, DOCS, FRONTIER, GALLERY, COMPARE, MODEL, TASKS, TASK, CIRCUITS, CIRCUIT, CARD, FAILURES, STRESS, RULES,
    ABLATION, ANNOTATION, CIRCUIT_EMBED, GUIDE_PAGE,
)  # fmt: skip


def twin(pattern: str) -> str:
    """The JSON twin of a page: the same path with `.json`."""
    return f"{pattern}.json"


def model(name: str) -> str:
    return MODEL.format(name=quote(name, safe=""))


def task(name: str) -> str:
    return TASK.format(name=quote(name, safe=""))


def circuit(circuit_id: str) -> str:
    return CIRCUIT.format(circuit_id=circuit_id)


def circuit_export(circuit_id: str, form: str) -> str:
    return CIRCUIT_EXPORT.format(circuit_id=circuit_id, form=form)


def schema(form: str, version: int) -> str:
    return SCHEMA.format(name=f"{form}-{version}")


def card(circuit_id: str) -> str:
    return CARD.format(circuit_id=circuit_id)


def circuit_sweep_jobs(circuit_id: str) -> str:
    return CIRCUIT_SWEEP_JOBS.format(circuit_id=circuit_id)


def card_jobs(circuit_id: str) -> str:
    return CARD_JOBS.format(circuit_id=circuit_id)


def failures(circuit_id: str) -> str:
    return FAILURES.format(circuit_id=circuit_id)


def stress(circuit_id: str) -> str:
    return STRESS.format(circuit_id=circuit_id)


def rules(circuit_id: str) -> str:
    return RULES.format(circuit_id=circuit_id)


def program(circuit_id: str) -> str:
    return PROGRAM.format(circuit_id=circuit_id)


def program_python(circuit_id: str, variant: str, notes: str | None) -> str:
    given = [f"variant={variant}"] if variant != "exact" else []
    given += [f"notes={notes}"] if notes else []
    return PROGRAM_PYTHON.format(circuit_id=circuit_id) + (f"?{'&'.join(given)}" if given else "")


def circuit_with_notes(circuit_id: str, annotation_id: str) -> str:
    return f"{circuit(circuit_id)}?notes={annotation_id}"


def annotation(annotation_id: str) -> str:
    return ANNOTATION.format(annotation_id=annotation_id)


def ablation(ablation_id: str) -> str:
    return ABLATION.format(ablation_id=ablation_id)


def circuit_preview(circuit_id: str) -> str:
    return CIRCUIT_PREVIEW.format(circuit_id=circuit_id)


def circuit_embed(circuit_id: str) -> str:
    return CIRCUIT_EMBED.format(circuit_id=circuit_id)


def guide_page(slug: str) -> str:
    return GUIDE_PAGE.format(slug=slug)


def short_link(link_id: str) -> str:
    return SHORT_LINK.format(link_id=link_id)


def job(job_id: str) -> str:
    return JOB.format(job_id=job_id)


def job_events(job_id: str) -> str:
    return JOB_EVENTS.format(job_id=job_id)
