"""A record measured again: reproduced or drifted, by how much, and how much was allowed."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from app.errors import Refusal, listed
from app.lab import Lab
from app.schemas import Ablation
from app.schemas.lab import AblationCheck, Difference

#: Float32 sums in another order: measured differences of losses stay below a tenth of these.
SAME_DEVICE_NATS, OTHER_DEVICE_NATS = 1e-4, 5e-3
FIGURES = {"before", "after", "reference", "loss_change_nats", "interplay", "steering", "corpus"}


def check_again(lab: Lab, ablation_id: str) -> AblationCheck:
    """Raises a 409 Refusal where the weights that the record was made with are not here."""
    started = time.perf_counter()
    record = lab.experiments.store.ablation(ablation_id)
    _check_weights(lab, record)
    lab = lab.fresh()
    now = lab.measured(lab.plan(record.request))
    scale = 1.0 if now.calibration is None else now.calibration.scale
    tolerance, reason = tolerance_between(record.versions.get("device"), now.versions["device"], scale)
    then, again = (dict(figures(value.model_dump(include=FIGURES))) for value in (record, now))
    shared = [name for name in then if name in again]
    one_prompt = 1 / (2 * record.after.n_pairs)
    differences = [
        Difference(figure=name, then=then[name], now=again[name], difference=again[name] - then[name],
                   tolerance=one_prompt + 1e-9 if "accuracy" in name else tolerance)
        for name in shared
    ]  # fmt: skip
    drifted = [found for found in differences if not abs(found.difference) <= found.tolerance]
    in_nats = [abs(found.difference) for found in differences if "accuracy" not in found.figure]
    return AblationCheck(
        ablation=record.id,
        verdict="drifted" if drifted else "reproduced",
        n_figures=len(shared),
        largest_difference=max(in_nats),
        tolerance_nats=tolerance,
        tolerance_reason=reason,
        differences=sorted(drifted, key=lambda found: -abs(found.difference)),
        notes=list(_notes(record, now, len(then) - len(shared))),
        versions_then=record.versions,
        versions_now=now.versions,
        elapsed_ms=1000 * (time.perf_counter() - started),
    )


def tolerance_between(then: str | None, now: str, scale: float = 1.0) -> tuple[float, str]:
    """How far a figure in nats may move, and why; `scale` is by what a calibration multiplies logits and errors."""
    times = max(1.0, scale)
    after = f", times {times:.3g} by which the circuit's logits are multiplied" if times > 1 else ""
    after += "; an accuracy may move by one prompt"
    if then == now:
        return SAME_DEVICE_NATS * times, f"float32 on the same kind of device ({now}){after}"
    was = "a device that the record does not name" if then is None else then
    return OTHER_DEVICE_NATS * times, f"float32, then on {was} and now on {now}, which sum in other orders{after}"


def figures(value: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Every number in a record under its path: `after.loss_nats.value`."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from figures(inner, f"{name}.{key}".removeprefix("."))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from figures(inner, f"{name}[{number}]")
    elif isinstance(value, int | float):
        yield name, float(value)


def _check_weights(lab: Lab, record: Ablation) -> None:
    library = lab.experiments.library
    made_with = f"this ablation was measured on model {record.model!r} with fingerprint {record.model_fingerprint[:12]}"
    if record.model not in library.names():
        raise Refusal(409, f"{made_with}, which is not here; there are: {listed(library.names())}")
    here = library.subject(record.model).fingerprint
    if here != record.model_fingerprint:
        raise Refusal(409, f"{made_with}, but the model of that name here has {here[:12]}, so it cannot be run again")


def _notes(record: Ablation, now: Ablation, n_gone: int) -> Iterator[str]:
    if record.pairs_fingerprint is not None and record.pairs_fingerprint != now.pairs_fingerprint:
        yield "the task's pairs of this seed are no longer those that were measured"
    if record.pairs_fingerprint is None:
        yield "the record is of an earlier version, which did not keep which pairs were measured"
    if n_gone:
        yield f"{n_gone} stored figures are not measured any more"
