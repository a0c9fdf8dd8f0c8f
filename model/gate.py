"""Taps that hold nodes at a value: keep only a circuit, cut nodes from it, or cut nodes from the full model."""

from collections.abc import Iterable, Mapping
from typing import Literal

import torch
from torch import Tensor

from model.circuit import Circuit
from model.config import ModelConfig
from model.means import Means
from model.sites import Node, maskable_sites, site_width
from model.transformer import Tap

#: What a cut node is set to: its mean over the pretraining corpus, or zero.
Mode = Literal["mean", "zero"]


def hold(keep: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> Tap:
    """A tap that puts `values[site]` wherever `keep[site]` is false; other sites pass.

    A mask has shape [node], or [batch, 1, node] for one mask a prompt. AbsTopK comes first, then this.
    """

    def tap(site: str, x: Tensor) -> Tensor:
        mask = keep.get(site)
        return x if mask is None else torch.where(mask, x, values[site].to(x.dtype))

    return tap


def keep_only(circuit: Circuit, means: Means, config: ModelConfig) -> Tap:
    """Everything outside the circuit at its corpus mean (paper A.5, step 2)."""
    device = next(iter(means.values())).device
    return hold(circuit.keep(config, device), means)


def cut(
    nodes: Iterable[Node],
    means: Means,
    config: ModelConfig,
    *,
    mode: Mode = "mean",
    within: Circuit | None = None,
) -> Tap:
    """`nodes` at their mean or at zero, in the full model or `within` a circuit whose outside is at its mean."""
    device = next(iter(means.values())).device
    if within is None:
        keep = {
            site: torch.ones(site_width(config, site), dtype=torch.bool, device=device)
            for site in maskable_sites(config)
        }
    else:
        keep = within.keep(config, device)
    values = dict(means)
    for node in nodes:
        keep[node.site][node.index] = False
        if mode == "zero":
            if values[node.site] is means[node.site]:
                values[node.site] = means[node.site].clone()
            values[node.site][node.index] = 0.0
    return hold({site: mask for site, mask in keep.items() if not bool(mask.all())}, values)
