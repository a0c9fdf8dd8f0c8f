"""The one language of ablations: what is set, and to what.

- mean: the node's mean over the pretraining corpus (paper A.5). On an edge: its target sees the source at its mean.
- zero: zero. On an edge: the weight contributes nothing.
- value: a number, at every token.
- resample: what the node does on a prompt of another pair, drawn with a seed for each prompt.
- patch: what the node does on the other prompt of the pair.
- steer: (1 - t) times what it does on the pair's first prompt plus t times what it does on its second, on both. At
  t = 0 both prompts run with the first one's activation, at t = 1 with the second one's.

What a node does on another prompt is taken from an undisturbed run of the same circuit or model. Two prompts are
aligned at their last tokens; where the other one is shorter, its first token stands for all before it.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from model.circuit import Edge
from model.errors import InputError
from model.sites import Node
from model.targets import Targets

Mode = Literal["mean", "zero", "resample", "value", "patch", "steer"]
MODES: tuple[Mode, ...] = get_args(Mode)
#: Modes whose values are another prompt's.
BORROWING = ("resample", "patch", "steer")


class Setting(NamedTuple):
    """`amount` is the number of mode value and the t of mode steer."""

    mode: Mode
    amount: float = 0.0

    def __str__(self) -> str:
        return f"{self.mode} {self.amount:g}" if self.mode in ("value", "steer") else self.mode


@dataclass(frozen=True)
class Part:
    """One intervention as it was asked, and the nodes or the edge that it is on."""

    on: str
    setting: Setting
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()

    @classmethod
    def of(cls, on: str, setting: Setting, targets: Targets) -> "Part":
        """Raises InputError or UnknownName, in one sentence, for what cannot be done."""
        mode, amount = setting
        if mode not in MODES:
            raise InputError(f"no mode {mode!r}; the modes are: {', '.join(MODES)}")
        if mode == "steer" and not 0 <= amount <= 1:
            raise InputError(f"t is {amount:g}; it must be from 0, the first prompt's activation, to 1, the second's")
        if not math.isfinite(amount):
            raise InputError(f"the value for {on} is {amount}; it must be a finite number")
        nodes, edges = targets.find(on)
        if edges and mode not in ("mean", "zero"):
            raise InputError(f"{on} is an edge, which cannot be set to {setting}; an edge can be set to: mean, zero")
        return cls(str(edges[0]) if edges else str(nodes[0]) if ":" in on else on, setting, nodes, edges)


def merged(parts: Iterable[Part]) -> list[Part]:
    """The parts in order, the same one only once. Raises InputError where two set one node or edge differently."""
    unique: dict[str, Part] = {}
    settings: dict[Node | Edge, Part] = {}
    for part in parts:
        places: list[Node | Edge] = [*part.nodes, *part.edges]
        for place in places:
            other = settings.setdefault(place, part)
            if other.setting != part.setting:
                by = "" if other.on == part.on == str(place) else f" by {other.on} and {part.on}"
                raise InputError(f"{place} is set twice{by}: to {other.setting} and to {part.setting}; choose one")
        unique.setdefault(part.on, part)
    return list(unique.values())


def node_settings(parts: Sequence[Part]) -> dict[Node, Setting]:
    return {node: part.setting for part in parts for node in part.nodes}


def edge_settings(parts: Sequence[Part]) -> dict[Edge, Setting]:
    return {edge: part.setting for part in parts for edge in part.edges}


def cuts(nodes: Iterable[Node], mode: Mode = "mean") -> list[Part]:
    """One part for each of some nodes that are known to be there."""
    return [Part(str(node), Setting(mode), (node,)) for node in nodes]


def edge_cuts(edges: Iterable[Edge], mode: Mode = "mean") -> list[Part]:
    return [Part(str(edge), Setting(mode), (), (edge,)) for edge in edges]
