"""The figures that the README states: every circuit of the bundle measured again, best sparse model against dense twin.

Edges are counted as the paper does: all nonzero weights between kept nodes. Where edges were cut afterwards, what is
left is stated beside.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, log
from pathlib import Path

from app import convert_circuit
from app.convert_model import model_summary
from app.errors import Refusal
from app.frontier import edges, smallest
from app.library import Library
from app.schemas import CircuitDetail, Measure, ModelSummary
from app.scoring import scores
from model.ablate import compiled
from model.batch import encode_pairs
from model.measure import Interval, measure
from model.subject import Subject
from model.tasks import ALL_TASKS

TARGET = 0.15
MARKS = ("<!-- science: written by `make science` -->", "<!-- /science -->")


@dataclass(frozen=True)
class Found:
    """The smallest circuit of a model for a task; its loss is measured again, on held-out pairs."""

    circuit: CircuitDetail
    loss_nats: Interval

    @property
    def n_edges(self) -> int:
        return edges(self.circuit)


@dataclass(frozen=True)
class Figures:
    """A model with its unpruned two-way loss by task, and the circuits that meet the target."""

    model: ModelSummary
    task_loss_nats: dict[str, float]
    circuits: dict[str, Found]

    @property
    def solved(self) -> list[str]:
        return [task for task, loss in self.task_loss_nats.items() if loss <= TARGET]

    @property
    def at_target(self) -> dict[str, Found]:
        return {task: found for task, found in self.circuits.items() if found.loss_nats.value <= TARGET}

    @property
    def is_dense(self) -> bool:
        return self.model.role == "dense_twin"


def read_circuits(folder: Path) -> list[CircuitDetail]:
    return [CircuitDetail.model_validate_json(path.read_bytes()) for path in sorted(folder.glob("*.json"))]


def figures(library: Library, name: str, circuits: Sequence[CircuitDetail], n_pairs: int) -> Figures:
    """Measure a model on every task of its language, and its smallest circuits, on `n_pairs` held-out pairs each."""
    subject = library.subject(name)
    own = [c for c in circuits if c.model == name and c.model_fingerprint == subject.fingerprint]
    by_id = {circuit.id: circuit for circuit in own}
    losses = {task: m.loss_nats.value for task, m in scores(subject, n_pairs) if isinstance(m, Measure)}
    best = {task: by_id[summary.id] for task, summary in sorted(smallest(own, name, TARGET).items())}
    shelf = library.shelf(name)
    found = {task: Found(record, _loss(subject, record, n_pairs)) for task, record in best.items()}
    return Figures(model_summary(shelf, library.facts(shelf), len(own)), losses, found)


def _loss(subject: Subject, record: CircuitDetail, n_pairs: int) -> Interval:
    config = subject.config
    circuit = convert_circuit.circuit(record, config)
    if circuit.id != record.id:
        raise Refusal(422, f"circuit {record.id} does not hold what its id says")
    batch = encode_pairs(
        ALL_TASKS[record.task].pairs("heldout", n_pairs, 0), subject.tokenizer, config.block_size, subject.device
    )
    return measure(compiled(subject, circuit), batch).loss()


def geometric_mean(values: Sequence[int]) -> float:
    """Of counts; a circuit without edges counts as one."""
    return exp(sum(log(max(1, value)) for value in values) / len(values))


def report(models: Sequence[Figures], n_pairs: int) -> Iterator[str]:
    """The tables, as lines of Markdown."""
    yield from _models(models, n_pairs)
    pairs = [(sparse, dense) for dense in models if dense.is_dense for sparse in models
             if sparse.model.name == dense.model.twin_of]  # fmt: skip
    for sparse, dense in pairs:
        yield ""
        yield from _against(sparse, dense)
    for alone in models:
        if alone.model.role == "best" and all(alone is not sparse for sparse, _ in pairs):
            yield ""
            yield from _alone(alone)


def _models(models: Sequence[Figures], n_pairs: int) -> Iterator[str]:
    yield (
        "| model | layers x width | nonzero weights | held-out loss, nats a token: generated / real | tasks solved |"
        " circuits at the target | edges, geometric mean |"
    )
    yield "|---|---|---:|---:|---:|---:|---:|"
    for item in models:
        model = item.model
        losses = " / ".join(
            "–" if loss is None else f"{loss:.2f}" for loss in (model.losses.generated, model.losses.real)
        )
        sizes = [found.n_edges for found in item.at_target.values()]
        yield (
            f"| {model.name} | {model.config.n_layer} x {model.config.d_model} | {model.n_nonzero:,} of "
            f"{model.n_weights:,} | {losses} | {len(item.solved)} of {len(item.task_loss_nats)} | {len(sizes)} |"
            f" {f'{geometric_mean(sizes):.0f}' if sizes else '–'} |"
        )
    yield ""
    yield (
        f"Solved: unpruned two-way loss at most {TARGET} nats on {n_pairs} held-out pairs; circuits are measured on as "
        "many, with their calibration; uncalibrated is the same circuit on its logits as they are. Geometric means are "
        "over each model's own tasks, so only those of a shared set compare: see below."
    )


def _against(sparse: Figures, dense: Figures) -> Iterator[str]:
    common = [task for task in sparse.at_target if task in dense.at_target]
    yield f"**{sparse.model.name} against its dense twin {dense.model.name}**, circuits at {TARGET} nats held-out:"
    yield ""
    yield (
        "| task | full model, nats | nodes | edges | left after cutting edges | loss, nats | uncalibrated |"
        " twin's nodes | edges | ratio |"
    )
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    for task in sparse.circuits:
        ours, theirs = sparse.circuits[task], dense.circuits.get(task)
        other = "– | – | –"
        if theirs is not None:
            other = f"{theirs.circuit.n_nodes:,} | {theirs.n_edges:,} | {theirs.n_edges / max(1, ours.n_edges):.1f}"
        yield f"{_row(sparse, task)} {other} |"
    if common:
        means = [geometric_mean([m.circuits[task].n_edges for task in common]) for m in (sparse, dense)]
        yield (
            f"| geometric mean over {len(common)} tasks | | | {means[0]:.0f} | | | | | {means[1]:.0f} |"
            f" **{means[1] / means[0]:.1f}** |"
        )


def _alone(item: Figures) -> Iterator[str]:
    yield f"**{item.model.name}**, circuits at {TARGET} nats held-out:"
    yield ""
    yield "| task | full model, nats | nodes | edges | left after cutting edges | loss, nats | uncalibrated |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for task in item.circuits:
        yield _row(item, task)


def _row(item: Figures, task: str) -> str:
    found = item.circuits[task]
    loss, plain = found.loss_nats, found.circuit.measures.uncalibrated_circuit
    return (
        f"| {task} | {item.task_loss_nats[task]:.3f} | {found.circuit.n_nodes} | {found.n_edges} | "
        f"{found.circuit.n_edges} | {loss.value:.3f} [{loss.low:.3f}, {loss.high:.3f}] | "
        f"{'–' if plain is None else f'{plain.loss_nats.value:.3f}'} |"
    )
