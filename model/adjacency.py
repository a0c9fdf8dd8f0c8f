"""Every weight of a model as a pair of numbered nodes: what counts the edges of a mask without touching a matrix."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from model.graph import WEIGHTS, weights_between
from model.sites import maskable_sites, site_order, site_width
from model.transformer import Transformer


@dataclass(frozen=True)
class Adjacency:
    """`source[e]` and `target[e]` are the ends of edge `e`, as numbers of nodes in forward order."""

    source: Int[Tensor, " edge"]
    target: Int[Tensor, " edge"]

    @classmethod
    def of(cls, model: Transformer) -> "Adjacency":
        """All nonzero weights between maskable sites."""
        config, first, start = model.config, {}, 0
        for site in sorted(maskable_sites(config), key=site_order):
            first[site] = start
            start += site_width(config, site)
        sources, targets = [], []
        for layer in range(config.n_layer):
            for source, target in WEIGHTS:
                row, column, _ = weights_between(model, layer, source, target).entries()
                sources.append(column + first[f"{layer}.{source}"])
                targets.append(row + first[f"{layer}.{target}"])
        return cls(torch.cat(sources), torch.cat(targets))

    def within(self, kept: Bool[Tensor, " node"]) -> "Adjacency":
        """The edges between kept nodes only."""
        both = kept[self.source] & kept[self.target]
        return Adjacency(self.source[both], self.target[both])

    def count(self, kept: Bool[Tensor, " node"]) -> int:
        return int((kept[self.source] & kept[self.target]).sum())

    def degree(self, kept: Bool[Tensor, " node"]) -> Float[Tensor, " node"]:
        """How many edges each node has, or would have, with kept nodes."""
        degree = torch.zeros(len(kept), device=kept.device)
        degree.index_add_(0, self.source, kept[self.target].float())
        return degree.index_add_(0, self.target, kept[self.source].float())
