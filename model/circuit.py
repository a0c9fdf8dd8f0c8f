"""A circuit: the kept nodes of one model for one task; a frozen value whose id follows from its content."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool
from torch import Tensor

from model.config import ModelConfig
from model.sites import Node, maskable_sites, site_order, site_width

#: For each maskable site which nodes are kept.
Keep = dict[str, Bool[Tensor, " node"]]


@dataclass(frozen=True)
class Circuit:
    """`nodes` are sorted in forward order, each once; everything else is held at its corpus mean (paper A.5)."""

    model_fingerprint: str
    task: str
    nodes: tuple[Node, ...]

    @classmethod
    def of(cls, model_fingerprint: str, task: str, nodes: Iterable[Node]) -> "Circuit":
        return cls(model_fingerprint, task, tuple(sorted(set(nodes), key=lambda n: (site_order(n.site), n.index))))

    @cached_property
    def id(self) -> str:
        """16 hex digits of a hash of model, task and nodes: the same circuit has the same id for ever."""
        content = [
            "sparsescope-circuit/1",
            self.model_fingerprint,
            self.task,
            [str(node) for node in self.nodes],
        ]
        return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()[:16]

    def without(self, cut: Iterable[Node]) -> "Circuit":
        gone = set(cut)
        return Circuit(self.model_fingerprint, self.task, tuple(n for n in self.nodes if n not in gone))

    def keep(self, config: ModelConfig, device: torch.device | str = "cpu") -> Keep:
        """One boolean mask for every maskable site."""
        keep = nothing_kept(config, device)
        by_site: dict[str, list[int]] = {}
        for node in self.nodes:
            by_site.setdefault(node.site, []).append(node.index)
        for site, indices in by_site.items():
            keep[site][indices] = True
        return keep


def nothing_kept(config: ModelConfig, device: torch.device | str = "cpu") -> Keep:
    return {
        site: torch.zeros(site_width(config, site), dtype=torch.bool, device=device) for site in maskable_sites(config)
    }


def kept_nodes(keep: Mapping[str, Tensor]) -> Iterator[Node]:
    """The kept nodes of a mask, in forward order."""
    for site in sorted(keep, key=site_order):
        for index in keep[site].nonzero().flatten().tolist():
            yield Node(site, index)


def count_kept(keep: Mapping[str, Tensor]) -> int:
    return sum(int(mask.sum()) for mask in keep.values())
