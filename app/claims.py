"""A measured ablation as one sentence."""

from app.schemas import Ablation


def claim_of(ablation: Ablation) -> str:
    """What was set, where, and by how much the loss moved; a change whose interval holds zero is called unclear."""
    change = ablation.loss_change_nats
    parts = ablation.request.asked()
    what = parts[0].on if len(parts) == 1 else f"{len(parts):,} targets"
    where = "the full model" if ablation.request.target.kind == "model" else "the circuit"
    modes = sorted({part.mode for part in parts})
    how = f"to {modes[0]}" if modes in (["mean"], ["zero"]) else f"by {' and '.join(modes)}"
    if change.low <= 0 <= change.high:
        return f"Setting {what} of {where} {how} does not clearly change the loss"
    verb = "raises" if change.value > 0 else "lowers"
    return f"Setting {what} of {where} {how} {verb} the loss by {abs(change.value):.3f} nats"
