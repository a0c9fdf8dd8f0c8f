"""Circuits compiled to what they are: small matrices between their kept nodes."""

from collections.abc import Iterable

from model.calibrate import Calibration
from model.circuit import Edge, Keep, count_kept
from model.compiled.circuit import CompiledCircuit, Gated
from model.compiled.masked import MaskedCircuit
from model.compiled.trace import Trace
from model.means import Means
from model.transformer import Transformer

__all__ = ["CompiledCircuit", "Gated", "MaskedCircuit", "Trace", "compile_circuit", "quick_circuit"]

#: A circuit with a larger share of its model's nodes is measured faster on the model itself.
MOSTLY = 0.5


def compile_circuit(
    model: Transformer,
    means: Means,
    keep: Keep,
    *,
    cut_edges: Iterable[Edge] = (),
    calibration: Calibration | None = None,
) -> CompiledCircuit:
    """A circuit as small matrices: the nodes of `keep` less `cut_edges`, everything else at its mean.

    Logit differences are given under `calibration`; logits never are.

    Where AbsTopK acts on the residual stream itself nothing can be folded: that is a MaskedCircuit, which runs the
    dense model.
    """
    locations = ("resid_post_attn", "resid_post_mlp")
    if any(model.config.kept_by_abs_topk(name, model.config.d_model) is not None for name in locations):
        return MaskedCircuit(model, means, keep, cut_edges, calibration)
    return CompiledCircuit(model, means, keep, cut_edges, calibration)


def quick_circuit(
    model: Transformer,
    means: Means,
    keep: Keep,
    *,
    cut_edges: Iterable[Edge] = (),
    calibration: Calibration | None = None,
) -> CompiledCircuit:
    """The same, whichever is faster: compiled or, where the circuit is most of its model, on the masked model."""
    if count_kept(keep) <= MOSTLY * sum(mask.numel() for mask in keep.values()):
        return compile_circuit(model, means, keep, cut_edges=cut_edges, calibration=calibration)
    return MaskedCircuit(model, means, keep, cut_edges, calibration)
