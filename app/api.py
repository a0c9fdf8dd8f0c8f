"""The library: circuits as values that a notebook shows, pruned and cut without a server.

What is there is what a server with the same settings has: SPARSESCOPE_DATA_DIR, SPARSESCOPE_BUNDLE_DIR and so on.
Without a data directory nothing is written outside a temporary folder.
"""

import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from app.settings import Settings

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from app.experiments import Experiments
    from app.lab import Lab
    from app.schemas import Ablation as AblationRecord
    from app.schemas import CircuitDetail, StepEvent


@dataclass(frozen=True)
class Circuit:
    """A circuit; `record` is all of it, as the server's JSON has it. A notebook draws it."""

    record: "CircuitDetail"

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def model(self) -> str:
        return self.record.model

    @property
    def task(self) -> str:
        return self.record.task

    @property
    def loss_nats(self) -> float:
        """Held-out."""
        return self.record.loss_nats.value

    @property
    def nodes(self) -> list[str]:
        """Ids, those whose cut costs most first."""
        return [node.id for node in sorted(self.record.nodes, key=lambda node: -node.effect_nats)]

    def save(self, path: str | Path) -> None:
        """As JSON, which `load` reads."""
        Path(path).write_text(self.record.model_dump_json(indent=1) + "\n", encoding="utf-8")

    def program(self) -> str:
        """What it computes, as a Python file that needs numpy alone."""
        from app.programs import Programs

        return Programs(_parts().experiments).python(self.id, None, "exact")

    def __repr__(self) -> str:
        r = self.record
        return (
            f"Circuit({r.id}: {r.task} in {r.model}, {r.n_nodes} nodes, {r.n_edges} edges, {self.loss_nats:.3f} nats)"
        )

    def _repr_html_(self) -> str:
        from app import pictures

        return f'<div style="max-width: 900px; overflow-x: auto">{pictures.svg(self.record)}</div>'


@dataclass(frozen=True)
class Ablation:
    """What a cut did; `record` is all of it."""

    record: "AblationRecord"

    @property
    def change_nats(self) -> float:
        """How much the loss rises."""
        return self.record.loss_change_nats.value

    def __repr__(self) -> str:
        r, change = self.record, self.record.loss_change_nats
        what = ", ".join([*r.request.nodes, *(i.on for i in r.request.interventions)])
        return (
            f"Ablation({what}: {r.before.loss_nats.value:.3f} -> {r.after.loss_nats.value:.3f} nats, "
            f"{change.value:+.3f} [{change.low:+.3f}, {change.high:+.3f}] on {r.before.n_pairs} pairs)"
        )

    def _repr_html_(self) -> str:
        return f"<code>{escape(repr(self))}</code>"


def circuits(model: str | None = None, task: str | None = None) -> list[Circuit]:
    """All that are kept, by model, task and size."""
    store = _parts().experiments.store
    return [Circuit(store.circuit(found.id)) for found in store.circuits(model, task)]


def load(what: str | Path) -> Circuit:
    """A kept circuit by its id, or one from a JSON file."""
    from app.schemas import CircuitDetail
    from model.errors import InputError

    path, store = Path(what), _parts().experiments.store
    if not path.is_file():
        return Circuit(store.circuit(str(what)))
    try:
        record = CircuitDetail.model_validate_json(path.read_bytes())
    except ValueError as error:
        raise InputError(f"{path.name} is not a circuit of Sparsescope: {str(error).splitlines()[0]}") from None
    return _kept(record)


def prune(
    model: str,
    task: str,
    *,
    n_pairs: int = 256,
    on_step: Callable[["StepEvent"], None] = lambda step: None,
    **settings: float | bool,
) -> Circuit:
    """Prune a model to the circuit of a task, measured on `n_pairs` held-out pairs; `settings` are those of pruning:
    n_steps, target_loss_nats, k_coef, lr, seed, ..."""
    from app.pruning import prune_to_record
    from app.schemas import PruneSettings

    experiments = _parts().experiments
    wanted = PruneSettings.model_validate(settings)
    subject = experiments.library.subject(model)
    found = experiments.tasks.find_or_read(task, subject)
    return _kept(prune_to_record(subject, found, wanted, n_pairs=n_pairs, on_step=on_step))


def ablate(
    circuit: Circuit,
    on: str | Iterable[str],
    *,
    mode: Literal["mean", "zero", "resample", "patch"] = "mean",
    within: Literal["circuit", "model"] = "circuit",
    n_pairs: int = 64,
    seed: int = 0,
) -> Ablation:
    """Cut nodes, edges (`source->target`), heads (`0.attn.h3`), blocks or layers, and measure what that does."""
    from app.schemas import AblationRequest

    targets = [on] if isinstance(on, str) else list(on)
    target = {"kind": "circuit", "circuit": circuit.id}
    if within == "model":
        target = {"kind": "model", "model": circuit.model, "task": circuit.task}
    asked = [{"mode": mode, "on": one} for one in targets]
    request = AblationRequest.model_validate(
        {"target": target, "interventions": asked, "n_pairs": n_pairs, "seed": seed}
    )
    record, _ = _parts().lab.ablate(request)
    return Ablation(record)


def figure(circuit: Circuit) -> "Figure":
    """The circuit's graph as a Plotly figure: drag, zoom, hover."""
    from app.api_figure import figure_of

    return figure_of(circuit.record)


class _Parts(NamedTuple):
    experiments: "Experiments"
    lab: "Lab"


@cache
def _parts() -> _Parts:
    """Made on first use: the store, the models, the lab; closed when Python ends."""
    import atexit

    from app.commands.context import experiments_of
    from app.corpus import Corpus
    from app.lab import Lab

    closing = ExitStack()
    atexit.register(closing.close)
    settings = Settings()
    if not settings.data_dir.is_dir():
        folder = closing.enter_context(tempfile.TemporaryDirectory(prefix="sparsescope-"))
        settings = settings.model_copy(update={"data_dir": Path(folder)})
    experiments = closing.enter_context(experiments_of(settings))
    return _Parts(experiments, Lab(experiments, Corpus(settings.bundle_dir / "corpus")))


def _kept(record: "CircuitDetail") -> Circuit:
    _parts().experiments.store.keep_circuit(record)
    return Circuit(record)
