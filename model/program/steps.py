"""The steps of a program: what a circuit computes, one named value after another, with its numbers.

A value is known by its name: `a1_31` is channel 31 as attention of layer 1 reads it, `q1_0_5` channel 5 of head 0's
query, `k..`, `v..` alike, `p1_0` that head's pattern, `y1_0_5` what it moves, `d1_31` what attention adds;
`m1_31`, `n1_117`, `e1_31` are what the MLP reads, its neuron and what it adds. The stream is `x[channel]`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from model.sites import Node

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Term:
    """`weight` times a named value."""

    weight: float
    name: str


@dataclass(frozen=True)
class Begin:
    """The heading of a block: `0.attn`, `0.mlp` or `readout`; `nodes` of it that change nothing are not computed."""

    title: str


@dataclass(frozen=True)
class Shift:
    """Constants that join the stream: the means of what is cut, summed up to here."""

    by_channel: dict[int, float]


@dataclass(frozen=True)
class Hold:
    """Channels of the stream set to their means, whatever was written to them: what a mask at `final_resid` does."""

    by_channel: dict[int, float]


@dataclass(frozen=True)
class Norm:
    """The stream's scale `r`, and under LayerNorm its centre; `rest` numbers the table of what never changes."""

    layer_norm: bool
    rest: int
    name: str


@dataclass(frozen=True)
class Read:
    """A channel of the normed stream."""

    name: str
    node: Node
    channel: int
    gain: float
    bias: float
    layer_norm: bool
    norm: str


@dataclass(frozen=True)
class Position:
    """A concatenated position: a number for each place of a prompt."""

    name: str
    node: Node
    values: Numbers


@dataclass(frozen=True)
class Linear:
    """A weighted sum and a constant, then the neuron's activation if there is one."""

    name: str
    node: Node
    terms: tuple[Term, ...]
    constant: float
    activation: Literal["relu", "gelu"] | None = None


@dataclass(frozen=True)
class Rivals:
    """What competes with kept nodes under AbsTopK besides them.

    `matrix @ inputs + constant`, then the activation; or, with `norm`, the channels of the stream that no kept node
    reads, normed by `gain` and `bias` (those of `others`, then those of `channels` of x), and `positions`.
    """

    name: str
    inputs: tuple[str, ...]
    matrix: Numbers
    constant: Numbers
    activation: Literal["relu", "gelu"] | None = None
    norm: str | None = None
    channels: tuple[int, ...] = ()
    gain: Numbers | None = None
    bias: Numbers | None = None
    positions: Numbers | None = None


@dataclass(frozen=True)
class Contest:
    """AbsTopK: of `names` and the rivals only the `kept` largest stay, the others become zero."""

    site: str
    names: tuple[str, ...]
    kept: int
    rivals: Rivals


@dataclass(frozen=True)
class Product:
    """A term of a head's score: a weight times a query, a key or both."""

    weight: float
    query: str | None
    key: str | None


@dataclass(frozen=True)
class Pattern:
    """A head whose keys differ: a softmax over the keys so far, of which a sink may take a part."""

    name: str
    layer: int
    head: int
    products: tuple[Product, ...]
    constant: float
    sink: float | None


@dataclass(frozen=True)
class Share:
    """A head whose keys all score alike: what the sink leaves of its average, by the number of tokens so far."""

    name: str
    layer: int
    head: int
    products: tuple[Product, ...]
    constant: float
    sink: float


@dataclass(frozen=True)
class Move:
    """A value moved by its head: through a pattern, or as an average of which a share is left (None: all)."""

    name: str
    node: Node
    value: str
    pattern: str | None
    share: str | None


@dataclass(frozen=True)
class RowSum:
    """What a pattern's row sums to: 1 less the sink's part."""

    name: str
    pattern: str


@dataclass(frozen=True)
class Write:
    """A value joins a channel of the stream."""

    channel: int
    name: str


@dataclass(frozen=True)
class Logits:
    """Logits of the candidates: the normed stream through `unembed`, and what the last token alone decides."""

    norm: str
    layer_norm: bool


Step = (
    Begin | Shift | Hold | Norm | Read | Position | Linear | Contest | Pattern | Share | Move | RowSum | Write | Logits
)  # fmt: skip
