"""A circuit: the kept nodes of one model for one task, and the edges cut between them; its id follows from its
content."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import torch
from jaxtyping import Bool
from torch import Tensor

from model.calibrate import Calibration
from model.config import ModelConfig
from model.sites import FINAL, Node, maskable_sites, site_order, site_width

#: For each maskable site which nodes are kept.
Keep = dict[str, Bool[Tensor, " node"]]


class Edge(NamedTuple):
    """A weight between two kept nodes. Where it is cut, the target sees this source at its corpus mean."""

    source: Node
    target: Node

    def __str__(self) -> str:
        return f"{self.source}->{self.target}"


@dataclass(frozen=True)
class Circuit:
    """`nodes` are sorted in forward order, each once; everything else is held at its corpus mean (paper A.5).

    `cut_edges`, sorted too, are weights between kept nodes that carry only their source's mean. With a `calibration`
    the task is measured on logits that it has scaled and shifted (step 6). `final_resid` are the channels that reach
    the last norm, the others being at their mean there; None, as in all circuits but released ones, masks none.
    """

    model_fingerprint: str
    task: str
    nodes: tuple[Node, ...]
    cut_edges: tuple[Edge, ...] = ()
    calibration: Calibration | None = None
    final_resid: tuple[int, ...] | None = None

    @classmethod
    def of(
        cls,
        model_fingerprint: str,
        task: str,
        nodes: Iterable[Node],
        cut_edges: Iterable[Edge] = (),
        calibration: Calibration | None = None,
        final_resid: Iterable[int] | None = None,
    ) -> "Circuit":
        kept = set(nodes)
        cut = {edge for edge in cut_edges if edge.source in kept and edge.target in kept}
        return cls(
            model_fingerprint,
            task,
            tuple(sorted(kept, key=_order)),
            tuple(sorted(cut, key=lambda edge: (_order(edge.source), _order(edge.target)))),
            calibration,
            None if final_resid is None else tuple(sorted(set(final_resid))),
        )

    @cached_property
    def id(self) -> str:
        """16 hex digits of a hash of all its content: the same circuit has the same id for ever."""
        content: list[object] = [
            "sparsescope-circuit/1",
            self.model_fingerprint,
            self.task,
            [str(node) for node in self.nodes],
        ]
        if self.cut_edges:
            content.append([str(edge) for edge in self.cut_edges])
        if self.calibration is not None:
            content.append({"calibration": [self.calibration.scale, self.calibration.shift]})
        if self.final_resid is not None:
            content.append({FINAL: self.final_resid})
        return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()[:16]

    def without(self, cut: Iterable[Node]) -> "Circuit":
        """The circuit less some nodes and their edges; its calibration stays as it is."""
        gone = set(cut)
        left = tuple(node for node in self.nodes if node not in gone)
        edges = tuple(edge for edge in self.cut_edges if edge.source not in gone and edge.target not in gone)
        return replace(self, nodes=left, cut_edges=edges)

    def with_cut(self, edges: Iterable[Edge]) -> "Circuit":
        """The circuit with more of its edges cut."""
        cut = [*self.cut_edges, *edges]
        return Circuit.of(self.model_fingerprint, self.task, self.nodes, cut, self.calibration, self.final_resid)

    def calibrated(self, calibration: Calibration | None) -> "Circuit":
        """The same nodes and edges under another calibration, or under none."""
        return replace(self, calibration=calibration)

    def keep(self, config: ModelConfig, device: torch.device | str = "cpu") -> Keep:
        """One boolean mask for every maskable site, and for `final_resid` where the circuit masks it."""
        keep = nothing_kept(config, device)
        by_site: dict[str, list[int]] = {}
        for node in self.nodes:
            by_site.setdefault(node.site, []).append(node.index)
        for site, indices in by_site.items():
            keep[site][indices] = True
        if self.final_resid is not None:
            keep[FINAL] = torch.zeros(config.d_model, dtype=torch.bool, device=device)
            keep[FINAL][list(self.final_resid)] = True
        return keep


def _order(node: Node) -> tuple[tuple[int, int], int]:
    return site_order(node.site), node.index


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
