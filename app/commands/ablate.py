"""`sparsescope ablate`: interventions in a circuit or its model, measured."""

from pathlib import Path
from typing import Annotated

import typer


def ablate(
    circuit: Annotated[str, typer.Argument(help="id of a circuit")],
    on: Annotated[list[str], typer.Argument(help="nodes, edges `source->target`, heads `0.attn.h3`, blocks, layers")],
    mode: Annotated[str, typer.Option(help="mean, zero, resample, patch, value or steer")] = "mean",
    amount: Annotated[float | None, typer.Option(help="the value, or how far to steer: 0 to 1")] = None,
    within: Annotated[str, typer.Option(help="circuit, or model: the full model")] = "circuit",
    n_pairs: Annotated[int, typer.Option(help="held-out pairs")] = 64,
    seed: int = 0,
    out: Annotated[Path | None, typer.Option(help="file for the whole record as JSON")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="own models, the database")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda")] = None,
) -> None:
    """Cut or set parts of a circuit, or of the full model, and measure what that does to the task."""
    from app.commands.context import experiments_of, sentences, settings_of
    from app.corpus import Corpus
    from app.errors import no_such
    from app.lab import Lab
    from app.schemas import AblationRequest

    settings = settings_of(data_dir=data_dir, device=device)
    with sentences(), experiments_of(settings) as experiments:
        if within not in ("circuit", "model"):
            raise no_such("place to cut", within, ["circuit", "model"])
        record = experiments.store.circuit(circuit)
        target = {"kind": "circuit", "circuit": circuit}
        if within == "model":
            target = {"kind": "model", "model": record.model, "task": record.task}
        more = {} if amount is None else {"t" if mode == "steer" else "value": amount}
        request = AblationRequest.model_validate(
            {"target": target, "interventions": [{"mode": mode, "on": one, **more} for one in on],
             "n_pairs": n_pairs, "seed": seed}
        )  # fmt: skip
        found, _ = Lab(experiments, Corpus(settings.bundle_dir / "corpus")).ablate(request)
    if out is not None:
        out.write_text(found.model_dump_json(indent=1) + "\n")
    change, where = found.loss_change_nats, "circuit" if within == "circuit" else "full model"
    print(f"{', '.join(on)} to {mode} in the {where}, {n_pairs} held-out pairs of {found.task}")
    print(f"loss {found.before.loss_nats.value:.3f} -> {found.after.loss_nats.value:.3f} nats, "
          f"change {change.value:+.3f} [{change.low:+.3f}, {change.high:+.3f}], 95% over pairs")  # fmt: skip
    print(f"accuracy {found.before.accuracy.value:.1%} -> {found.after.accuracy.value:.1%}; ablation {found.id}")
