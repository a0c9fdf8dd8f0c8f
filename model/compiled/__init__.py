"""Circuits compiled to what they are: small matrices between their kept nodes."""

from collections.abc import Iterable

from model.calibrate import Calibration
from model.circuit import Edge, Keep
from model.compiled.circuit import CompiledCircuit, Gated
from model.compiled.masked import MaskedCircuit
from model.means import Means
from model.transformer import Transformer

__all__ = ["CompiledCircuit", "Gated", "MaskedCircuit", "compile_circuit"]


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
