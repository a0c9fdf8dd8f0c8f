"""One prune from request to record: prune, sweep the nodes' effects, measure on held-out pairs, build the circuit."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from app import convert, convert_circuit, urls
from app.jobs import Report, Stopped
from app.library import Library
from app.schemas import (
    Calibration,
    CircuitDetail,
    Comparison,
    CurvePoint,
    Measure,
    OrderedSize,
    Provenance,
    PruneRequest,
    PruneSettings,
    PruningOrder,
    ReachedSize,
    Search,
    SearchTrial,
    StepEvent,
)
from app.store import Store
from app.tasks import Tasks, refuse_recorded
from app.versions import versions
from model import prune as pruning
from model import prune_settings
from model.ablate import compiled, empty_circuit, node_effects
from model.batch import encode_pairs
from model.circuit import Circuit
from model.graph import graph_of
from model.measure import measure
from model.reached import reached
from model.search import RANGES, RunAll, Trial, one_by_one, search
from model.snapshot import OnSnapshot, Snapshot
from model.subject import Subject
from model.tasks.task import Task

#: The sweep of effects runs every node on this many pairs, fewer where that would take more prompts than this.
N_EFFECT_PAIRS = 16
N_EFFECT_PROMPTS = 8_192
N_CANDIDATES = 8
N_CURVE = 400

OnStep = Callable[[StepEvent], None]


class Pruning:
    """What the worker does with a job; circuits are measured on `n_pairs` held-out pairs."""

    def __init__(self, store: Store, library: Library, tasks: Tasks, n_pairs: int) -> None:
        self.store = store
        self.library = library
        self.tasks = tasks
        self.n_pairs = n_pairs

    def __call__(self, request: PruneRequest, report: Report) -> str:
        subject = self.library.subject(request.model)
        circuit = prune_to_record(
            subject,
            self.tasks.find(request.task),
            request.settings,
            n_pairs=self.n_pairs,
            on_step=telling(report),
            should_stop=report.should_stop,
            enough=report.enough,
            resume=report.checkpoint(),
            on_snapshot=report.save,
        )
        self.store.keep_circuit(circuit)
        return circuit.id


def telling(report: Report) -> OnStep:
    """Reports steps, and says it where a run begins anew: from then on it has more steps."""
    n_steps: int | None = None

    def on_step(step: StepEvent) -> None:
        nonlocal n_steps
        if step.phase == "learning":
            if n_steps is not None and step.n_steps > n_steps:
                report.log(f"the start from estimated effects lost the task; begun anew without it at step {step.step}")
            n_steps = step.n_steps
        report.step(step)

    return on_step


def prune_to_record(
    subject: Subject,
    task: Task,
    settings: PruneSettings,
    *,
    n_pairs: int,
    on_step: OnStep = lambda step: None,
    should_stop: Callable[[], bool] = lambda: False,
    enough: Callable[[], bool] = lambda: False,
    resume: Snapshot | None = None,
    on_snapshot: OnSnapshot | None = None,
) -> CircuitDetail:
    """Prune and measure. Raises Stopped when told to stop; once it is `enough`, the best circuit so far is kept."""
    refuse_recorded(task)
    started = time.monotonic()

    def passed_on(step: pruning.PruneStep) -> None:
        on_step(StepEvent(**asdict(step)))
        if should_stop():  # every phase reports its steps, so this ends any of them
            raise Stopped

    result = pruning.prune(
        subject, task, prune_settings.PruneSettings(**settings.model_dump()), on_step=passed_on,
        should_stop=lambda: should_stop() or enough(), resume=resume, on_snapshot=on_snapshot,
    )  # fmt: skip
    if should_stop():
        raise Stopped
    last = result.curve[-1]
    on_step(StepEvent(**asdict(last) | {"phase": "measuring", "elapsed_s": time.monotonic() - started}))
    provenance = provenance_of(result, settings)
    return circuit_record(subject, task, result.circuit, provenance, n_pairs=n_pairs, should_stop=should_stop)


def search_to_record(
    subject: Subject,
    task: Task,
    settings: PruneSettings,
    *,
    n_trials: int,
    n_pairs: int,
    on_trial: Callable[[int, Trial], None] = lambda number, trial: None,
    on_step: Callable[[pruning.PruneStep], None] = lambda step: None,
    should_stop: Callable[[], bool] = lambda: False,
    enough: Callable[[], bool] = lambda: False,
    done: Sequence[Trial] = (),
    run_all: RunAll = one_by_one,
) -> CircuitDetail:
    """Search the settings of pruning for this model and task, and keep the best circuit with the whole search.

    `done` are trials that ran before, `run_all` says where the others run. Raises Stopped when told to stop; once it is
    `enough`, the best so far is kept.
    """
    base = prune_settings.PruneSettings(**settings.model_dump())
    found = search(
        subject, task, base, n_trials=n_trials, on_trial=on_trial, on_step=on_step,
        should_stop=lambda: should_stop() or enough(), done=done, run_all=run_all,
    )  # fmt: skip
    if should_stop():
        raise Stopped
    trials = [SearchTrial(**asdict(trial)) for trial in found.trials]
    best = settings.model_copy(update={name: getattr(found.settings, name) for name in RANGES})
    provenance = provenance_of(found.best, best, Search(sampler="tpe", seed=settings.seed, trials=trials))
    return circuit_record(subject, task, found.best.circuit, provenance, n_pairs=n_pairs, should_stop=should_stop)


def provenance_of(result: pruning.PruneResult, settings: PruneSettings, search: Search | None = None) -> Provenance:
    """What is kept of a run."""
    found = result.frontier
    return Provenance(
        method="prune",
        settings=settings.model_copy(update={"calibrated": result.circuit.calibration is not None}),
        n_steps_run=max((step.step for step in result.curve if step.phase == "learning"), default=0),
        elapsed_s=result.elapsed_s,
        calibration=Calibration(
            scale=result.calibration.scale,
            shift=(result.calibration.shift, -result.calibration.shift),
            loss_before_nats=result.plain_loss_nats,
            loss_after_nats=result.calibrated_loss_nats,
        ),
        curve=_curve(result.curve),
        reached=[ReachedSize(**asdict(size)) for size in reached(result.curve, settings.target_loss_nats)],
        search=search,
        order=PruningOrder(
            order=[str(node) for node in found.order],
            sizes=[OrderedSize(**asdict(size)) for size in found.sizes],
            n_pairs=found.n_pairs,
        ),
        versions=versions(),
    )


def circuit_record(
    subject: Subject,
    task: Task,
    circuit: Circuit,
    provenance: Provenance,
    *,
    n_pairs: int,
    should_stop: Callable[[], bool] = lambda: False,
) -> CircuitDetail:
    """All that is kept of a circuit: its graph, each node's effect, its losses beside those of full and empty model."""
    pairs = task.pairs("heldout", n_pairs, 0)
    batch = encode_pairs(pairs, subject.tokenizer, subject.config.block_size, subject.device)
    n_few = max(2, min(N_EFFECT_PAIRS, N_EFFECT_PROMPTS // (2 * len(circuit.nodes) + 1)))
    few = batch.split(n_few)[0]
    effects = node_effects(subject, circuit, few, should_stop=should_stop)
    if should_stop():
        raise Stopped

    def within(circuit: Circuit) -> Measure:
        return convert.measure(measure(compiled(subject, circuit), batch))

    full_model = convert.measure(measure(subject.model, batch))
    kept, empty = within(circuit), within(empty_circuit(subject, task.name))
    plain = None if circuit.calibration is None else within(circuit.calibrated(None))
    candidates = [subject.tokenizer.token_id(text) for text in _candidates([pair.answers for pair in pairs])]
    graph = graph_of(subject.model, circuit, candidates)
    return CircuitDetail(
        id=circuit.id,
        url=urls.circuit(circuit.id),
        model=subject.name,
        task=task.name,
        task_title=task.title,
        created_at=datetime.now(UTC),
        n_nodes=len(graph.nodes),
        n_edges=len(graph.edges),
        loss_nats=kept.loss_nats,
        calibration=convert_circuit.scaling(circuit),
        full_model_loss_nats=full_model.loss_nats.value,
        format="sparsescope-circuit/1",
        model_fingerprint=subject.fingerprint,
        n_layer=subject.config.n_layer,
        nodes=convert_circuit.nodes(subject, graph, effects),
        n_cut_edges=len(circuit.cut_edges),
        edges=convert_circuit.edges(graph),
        cut_edges=convert_circuit.cut_edges(subject, circuit),
        final_resid=None if circuit.final_resid is None else list(circuit.final_resid),
        links=convert_circuit.links(graph),
        terminals=convert_circuit.terminals(subject, graph),
        measures=Comparison(full_model=full_model, circuit=kept, empty_circuit=empty, uncalibrated_circuit=plain),
        target_loss_nats=provenance.settings.target_loss_nats,
        example=convert.prompt_pair(pairs[0]),
        provenance=provenance,
    )


def _candidates(answers: Sequence[tuple[str, str]]) -> list[str]:
    """The task's answers, most frequent first; tasks about names have many, so the first few."""
    counts = Counter(text for both in answers for text in both)
    return sorted(counts, key=lambda text: (-counts[text], text))[:N_CANDIDATES]


def _curve(steps: Sequence[pruning.PruneStep]) -> list[CurvePoint]:
    """The learning phase, thinned, and how it ended."""
    learning = [step for step in steps if step.phase == "learning"]
    thinned = learning[:: -(-len(learning) // N_CURVE)] if learning else []
    return [CurvePoint(step=s.step, loss_nats=s.loss_nats, size=s.n_nodes) for s in [*thinned, steps[-1]]]
