"""What an intervention may be on: a node, an edge, a head, a block or a layer, of a circuit or of the whole model."""

import re
from collections.abc import Iterable, Iterator
from functools import cached_property

from model.circuit import Circuit, Edge
from model.errors import InputError, UnknownName
from model.graph import WEIGHTS, edges_of, weight_of
from model.sites import NUMBER, Node, maskable_sites, parse_node, site_width
from model.subject import Subject

_GROUP = re.compile(rf"({NUMBER})(?:\.(attn|mlp)(?:\.h({NUMBER}))?)?")
FORMS = "a node (3.mlp.post_act:117), an edge (0.mlp.act_in:5->0.mlp.post_act:117), a head (0.attn.h3), a block (2.mlp) or a layer (1)"  # fmt: skip  # noqa: E501


class Targets:
    """What there is to intervene on: in a circuit what it keeps, without one all of the model."""

    def __init__(self, subject: Subject, circuit: Circuit | None) -> None:
        self.subject, self.circuit, self.config = subject, circuit, subject.config

    def find(self, text: str) -> tuple[tuple[Node, ...], tuple[Edge, ...]]:
        """The nodes, or the one edge, that `text` names. Raises InputError, or UnknownName with the choices."""
        if "->" in text:
            return (), (self._edge(text),)
        if ":" in text:
            return (self._node(text),), ()
        return self._group(text), ()

    def nodes_at(self, site: str) -> list[Node]:
        if self.circuit is not None:
            return [node for node in self.circuit.nodes if node.site == site]
        return [Node(site, index) for index in range(site_width(self.config, site))]

    @cached_property
    def _nodes(self) -> frozenset[Node]:
        return frozenset(() if self.circuit is None else self.circuit.nodes)

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """Of a circuit: the nonzero weights between its nodes that it does not cut."""
        assert self.circuit is not None, "the edges of a whole model are too many to list"
        return tuple(Edge(edge.source, edge.target) for edge in edges_of(self.subject.model, self.circuit))

    @cached_property
    def _edges(self) -> frozenset[Edge]:
        return frozenset(self.edges)

    def _node(self, text: str) -> Node:
        node = parse_node(text, self.config)
        if self.circuit is not None and node not in self._nodes:
            raise UnknownName(
                f"{str(node)!r} is not a node of circuit {self.circuit.id}; it has: {few(self.circuit.nodes)}"
            )
        return node

    def _edge(self, text: str) -> Edge:
        ends = text.split("->")
        if len(ends) != 2:
            raise InputError(f"{text[:80]!r} is not an edge; an edge is written like 0.mlp.act_in:5->0.mlp.post_act:9")
        edge = Edge(self._node(ends[0]), self._node(ends[1]))
        if self.circuit is not None:
            if edge not in self._edges:
                near = [e for e in self.edges if e.source == edge.source or e.target == edge.target]
                raise UnknownName(
                    f"{str(edge)!r} is not an edge of circuit {self.circuit.id}; at its ends it has: {few(near)}"
                )
            return edge
        source, target = edge
        if source.layer != target.layer or (source.part, target.part) not in WEIGHTS:
            raise UnknownName(f"no weight joins {source.site} to {target.site}; weights join, within a layer: "
                              f"{', '.join(f'{a} to {b}' for a, b in WEIGHTS)}")  # fmt: skip
        if not weight_of(self.subject.model, edge):
            raise UnknownName(f"the weight {edge} is zero, so it is no edge; choose a nonzero weight")
        return edge

    def _group(self, text: str) -> tuple[Node, ...]:
        match = _GROUP.fullmatch(text)
        if match is None:
            raise InputError(f"{text[:80]!r} is not a target; a target is {FORMS}")
        layer, block, head = match.groups()
        config = self.config
        if int(layer) >= config.n_layer:
            raise UnknownName(f"no layer {int(layer)}; this model has the layers 0 to {config.n_layer - 1}")
        if head is not None and (block == "mlp" or int(head) >= config.n_head):
            raise UnknownName(f"no head {text!r}; attention has the heads h0 to h{config.n_head - 1}")
        found = tuple(node for site in self._sites(int(layer), block, head) for node in self.nodes_at(site)
                      if head is None or node.index // config.d_head == int(head))  # fmt: skip
        if not found:
            assert self.circuit is not None
            kinds = {str(node.layer) for node in self.circuit.nodes}
            kinds |= {".".join(node.site.split(".")[:2]) for node in self.circuit.nodes}
            raise UnknownName(f"{text} has no node in circuit {self.circuit.id}; it has nodes in: {few(sorted(kinds))}")
        return found

    def _sites(self, layer: int, block: str | None, head: str | None) -> Iterator[str]:
        """The sites of a layer, of one of its blocks, or those of a head's channels."""
        for site in maskable_sites(self.config):
            number, part, name = site.split(".")
            if int(number) == layer and block in (None, part) and (head is None or name in ("q", "k", "v")):
                yield site


def few(names: Iterable[object], most: int = 8) -> str:
    """The first of many, and how many more there are."""
    texts = [str(name) for name in names]
    more = f" and {len(texts) - most:,} more" if len(texts) > most else ""
    return (", ".join(texts[:most]) or "none") + more
