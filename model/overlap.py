"""How much two circuits of one model share, and how much two random ones of the same size at each site would.

1. Overlap is Jaccard's: what both have, over what either has; two empty sets have none.
2. Nodes by chance: at a site of N nodes where the circuits keep a and b, the number shared is hypergeometric. The
   sites are independent, so the distribution of the sum is their convolution, and the expected Jaccard a finite sum.
3. Edges by chance depend on which weights are nonzero, so random circuits are drawn: an edge is shared where both
   of its nodes are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import comb

import numpy as np
import torch

from model.circuit import Keep
from model.config import ModelConfig
from model.graph import count_edges
from model.sites import maskable_sites, site_width
from model.transformer import Transformer

#: How many nodes a circuit keeps at each site; sites without any may be left out.
Counts = Mapping[str, int]


@dataclass(frozen=True)
class Chance:
    """The overlap of random circuits: the mean, and the range that holds 95% of them."""

    mean: float
    low: float
    high: float


def jaccard(n_shared: int, n_a: int, n_b: int) -> float | None:
    """Shared over union, of two sets of `n_a` and `n_b` things; None where both are empty."""
    union = n_a + n_b - n_shared
    return n_shared / union if union else None


def shared_by_chance(width: int, n_a: int, n_b: int) -> list[float]:
    """The probability of 0, 1, .. min(a, b) shared among `width` nodes, of which each circuit keeps so many."""
    every = comb(width, n_b)
    return [comb(n_a, i) * comb(width - n_a, n_b - i) / every for i in range(min(n_a, n_b) + 1)]


def node_chance(config: ModelConfig, a: Counts, b: Counts) -> Chance | None:
    """The Jaccard of random node sets with the circuits' counts at each site, exactly; None where both are empty."""
    total = np.ones(1)
    for site in maskable_sites(config):
        total = np.convolve(total, shared_by_chance(site_width(config, site), a.get(site, 0), b.get(site, 0)))
    n_a, n_b = sum(a.values()), sum(b.values())
    if not n_a + n_b:
        return None
    values = np.array([i / (n_a + n_b - i) for i in range(len(total))])
    below = total.cumsum()
    low, high = (int(np.searchsorted(below, tail - 1e-12)) for tail in (0.025, 0.975))
    return Chance(float(values @ total), float(values[low]), float(values[min(high, len(values) - 1)]))


@torch.no_grad()
def edge_chance(model: Transformer, a: Counts, b: Counts, *, n_draws: int, seed: int) -> Chance | None:
    """The Jaccard of the edges of random circuits with these counts, over `n_draws` pairs of them.

    None where no draw has an edge; a pair of draws without any counts as nothing shared.
    """
    generator = torch.Generator().manual_seed(seed)
    values = []
    any_edge = False
    for _ in range(n_draws):
        one, other = (random_keep(model, counts, generator) for counts in (a, b))
        both = {site: one[site] & other[site] for site in one}
        value = jaccard(count_edges(model, both), count_edges(model, one), count_edges(model, other))
        any_edge |= value is not None
        values.append(value or 0.0)
    if not any_edge:
        return None
    low, high = np.quantile(values, [0.025, 0.975])
    return Chance(float(np.mean(values)), float(low), float(high))


def random_keep(model: Transformer, counts: Counts, generator: torch.Generator) -> Keep:
    """A mask that keeps so many nodes at each site, drawn at random."""
    keep: Keep = {}
    for site in maskable_sites(model.config):
        width = site_width(model.config, site)
        mask = torch.zeros(width, dtype=torch.bool)
        mask[torch.randperm(width, generator=generator)[: counts.get(site, 0)]] = True
        keep[site] = mask.to(model.device)
    return keep
