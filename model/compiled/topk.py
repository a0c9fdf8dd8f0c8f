"""AbsTopK inside a compiled circuit: is a value among the `k` largest of its whole site, most of which is not computed?

Decided by counting what is larger in magnitude. The rest of a site is of two kinds: settled values, which do not
depend on any kept node and are sorted once (one list for all tokens, or one a token or position), and rivals, which
do, and are computed only where the settled values alone leave it open. Exact but for ties of floats.
"""

from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from model.compiled.nodes import Gates, Kept, Values, stacked, together
from model.parts import Part
from model.sparse.activate import GELU, NONE, RELU
from model.sparse.count import contest
from model.sparse.kernel import Array, array, shared_out

#: Work on fewer places is done sooner than another thread has woken.
WORTH_A_THREAD = 2**14
#: Comparisons that are made at once.
BLOCK = 2**24


class Places(NamedTuple):
    """Some of the [variant, prompt, pos] places of a tensor of values."""

    variant: Int[Tensor, " place"]
    prompt: Int[Tensor, " place"]
    pos: Int[Tensor, " place"]

    @property
    def n(self) -> int:
        return len(self.pos)

    def pick(self, which: Int[Tensor, " place"]) -> "Places":
        return Places(self.variant[which], self.prompt[which], self.pos[which])

    def of(self, x: Shaped[Tensor, "_node _variant _prompt _pos"]) -> Shaped[Tensor, "_node place"]:
        variant, prompt, pos = (
            index if size > 1 else torch.zeros_like(index) for index, size in zip(self, x.shape[1:], strict=True)
        )
        return x[:, variant, prompt, pos]


class Everywhere(NamedTuple):
    """All of them, for which nothing need be picked."""

    n_variants: int
    n_prompts: int
    n_pos: int

    @property
    def n(self) -> int:
        return self.n_variants * self.n_prompts * self.n_pos

    def of(self, x: Shaped[Tensor, "_node _variant _prompt _pos"]) -> Shaped[Tensor, "_node place"]:
        return x.expand(-1, *self).flatten(1)


Rivals = Callable[[Places | Everywhere], Float[Tensor, "_rival place"]]


class Settled:
    """Magnitudes that no kept node moves: a sorted list, or a table of lists of which `row` picks one by place."""

    def __init__(self, magnitudes: Float[Tensor, "row value"], row: Int[Tensor, "_prompt pos"] | None = None) -> None:
        self.table, self.row = magnitudes.sort(dim=1).values, row

    @classmethod
    def sorted(cls, table: Float[Tensor, "row value"], row: Int[Tensor, "_prompt pos"] | None) -> "Settled":
        """From a table that is sorted already."""
        settled = cls.__new__(cls)
        settled.table, settled.row = table, row
        return settled

    def largest(self, n: int) -> Float[Tensor, "*place"]:
        """The n-th largest, counted from 1; infinity for none and below all for more than there are."""
        if n <= 0:
            return torch.tensor(torch.inf, device=self.table.device)
        if n > self.table.shape[1]:
            return torch.tensor(-1.0, device=self.table.device)
        column = self.table[:, -n]
        return column[0] if self.row is None else column[self.row]

    def rows_at(self, places: Places | Everywhere) -> Int[Tensor, " place"]:
        """Which list each place has."""
        if self.row is None:
            return torch.zeros(places.n, dtype=torch.long, device=self.table.device)
        if isinstance(places, Everywhere):
            return places.of(self.row[None, None])[0]
        prompt = places.prompt if len(self.row) > 1 else torch.zeros_like(places.prompt)
        pos = places.pos if self.row.shape[1] > 1 else torch.zeros_like(places.pos)
        return self.row[prompt, pos]

    def count_above(self, x: Float[Tensor, " place"], places: Places) -> Int[Tensor, " place"]:
        """How many are larger than each value, by bisection."""
        width = self.table.shape[1]
        if self.row is None:
            return width - torch.searchsorted(self.table[0], x, right=True)
        start = self.rows_at(places) * width
        low, high = torch.zeros_like(start), torch.full_like(start, width)
        flat = self.table.flatten()
        for _ in range(width.bit_length()):
            middle = (low + high) // 2
            below = (flat[start + middle.clamp(max=width - 1)] <= x) & (low < high)
            low, high = torch.where(below, middle + 1, low), torch.where(below | (low >= high), high, middle)
        return width - low


@torch.no_grad()
def survivors(
    magnitudes: Values,
    kept_by: int,
    settled: Settled,
    n_rivals: int,
    rivals: Rivals,
    overcounted: Rivals | None = None,
    *,
    rows: "Rows",
    values: Values | None,
    before: Values | None = None,
) -> Shaped[Tensor, "_node _variant _prompt _pos"]:
    """Which values are among the `kept_by` largest, as a factor; `rivals` are all that is not settled, the values
    themselves too.

    What beats all but `kept_by - n_rivals` settled values is in, what `kept_by` of them beat is out. The settled list
    may hold old values of the rivals too: those are `overcounted`. On a CPU the same rivals are `rows` of `values`
    besides the values themselves; with `before`, where the settled list has all that rivals were, instead of them.
    """
    if kept_by == 0:
        return torch.zeros_like(magnitudes, dtype=torch.bool)
    if magnitudes.device.type == "cpu":
        return _decided(magnitudes, kept_by, settled, rows, values, before)
    inside = magnitudes > settled.largest(kept_by - n_rivals)
    open_ = ~inside & (magnitudes > 0)
    beaten_by = kept_by + (0 if overcounted is None else n_rivals)
    if beaten_by <= settled.table.shape[1]:
        open_ &= magnitudes >= settled.largest(beaten_by)
    # rivals are computed once for each place where anything is open, then compared with one node after another
    everywhere = Places(*open_.any(dim=0).nonzero().unbind(dim=1))
    for part in torch.arange(len(everywhere.pos), device=open_.device).split(max(1, BLOCK // max(1, n_rivals))):
        block = everywhere.pick(part)
        larger = rivals(block)
        old = None if overcounted is None else overcounted(block)
        x, undecided = block.of(magnitudes), block.of(open_)
        for node in undecided.any(dim=1).nonzero().flatten().tolist():
            columns = undecided[node].nonzero().flatten()
            places, values = block.pick(columns), x[node, columns]
            above = settled.count_above(values, places) + _count(larger, columns, values)
            if old is not None:
                above = above - _count(old, columns, values)
            inside[node, *places] = above < kept_by
    return inside


def _decided(
    magnitudes: Values, kept_by: int, settled: Settled, rows: "Rows", values: Values | None, before: Values | None
) -> Float[Tensor, "_node _variant _prompt _pos"]:
    """The same by a kernel, which computes what competes only where it must."""
    shape = magnitudes.shape[1:]
    everywhere = Everywhere(*shape)

    def at_each(x: Values | None) -> Array:
        return np.empty((0, everywhere.n), np.float32) if x is None else array(everywhere.of(x))

    inside = torch.empty(magnitudes.shape)
    lists = settled.rows_at(everywhere).contiguous().numpy()
    shared_out(
        contest, everywhere.n, array(magnitudes.flatten(1)), kept_by, array(settled.table), lists, *rows.entries,
        rows.which, at_each(values), at_each(before), before is not None, inside.flatten(1).numpy(),
        at_least=WORTH_A_THREAD,
    )  # fmt: skip
    return inside


class Rows:
    """Rivals as the kernel has them: the nonzeros of a matrix, what is added (one column or one for each list of
    settled values), and the activation."""

    def __init__(
        self, weight: Float[Tensor, "rival source"], base: Float[Tensor, "rival _list"], which: int = NONE
    ) -> None:
        self.weight, self.base, self.which = weight, base, which

    @cached_property
    def entries(self) -> tuple[Array, Array, Array, Array]:
        """Where each row's entries start, their sources, their weights; what is added."""
        targets, sources = self.weight.nonzero().unbind(dim=1)
        starts = np.zeros(len(self.weight) + 1, dtype=np.int64)
        np.cumsum(np.bincount(targets.numpy(), minlength=len(self.weight)), out=starts[1:])
        return starts, sources.to(torch.int32).numpy(), array(self.weight[targets, sources]), array(self.base)


def _count(
    rows: Float[Tensor, "row place"], columns: Int[Tensor, " column"], x: Float[Tensor, " column"]
) -> Int[Tensor, " column"]:
    """How many rows are larger than each value in its column."""
    some = rows if len(columns) == rows.shape[1] else rows[:, columns]
    return (some > x).sum(dim=0)


class Rest:
    """The nodes of a site that a circuit does not keep: a linear map's rows, settled or rivals, before AbsTopK."""

    def __init__(
        self,
        kept_by: int,
        kept: Kept,
        weight: Part,
        base: Float[Tensor, " target"],
        activation: Callable[[Tensor], Tensor] = lambda x: x,
    ) -> None:
        self.kept_by, self.activation = kept_by, activation
        others = torch.ones(len(base), dtype=torch.bool, device=base.device)
        others[kept.indices] = False
        moved = weight.has_entries()
        rivals = (others & moved).nonzero().flatten()
        self.weight, self.base = weight.rows(rivals).dense().float(), base[rivals, None]
        self.rows = Rows(self.weight, self.base, {F.relu: RELU, F.gelu: GELU}.get(activation, NONE))
        self.settled = Settled(activation(base[others & ~moved]).abs()[None])

    def leave(self, x: Values, read: Values | None) -> Values:
        """The kept nodes' values where they survive, zero elsewhere; `read` are the deviations that they came from."""
        magnitudes = x.detach().abs()

        def rivals(places: Places | Everywhere) -> Tensor:
            ours = places.of(magnitudes)
            if read is None:
                return ours
            others = self.activation(self.weight @ places.of(read.detach()) + self.base).abs()
            return torch.cat([ours, others])

        n_rivals = len(x) + (0 if read is None else len(self.base))
        inside = survivors(
            magnitudes, self.kept_by, self.settled, n_rivals, rivals, rows=self.rows, values=read
        )  # fmt: skip
        return x * inside


def gated(x: Values, kept: Kept, gates: Gates) -> Values:
    """Deviations of values from their means, gated."""
    return gates.deviation(x - kept.mean[:, None, None, None], kept)


class OutContest:
    """AbsTopK on what attention adds: the rows that are not kept, by what moves them."""

    def __init__(
        self,
        kept_by: int,
        deltas: Kept,
        weight_v: Float[Tensor, "model v"],
        weight_scaled: Float[Tensor, "model head"],
        base: Float[Tensor, "model place"],
    ) -> None:
        self.kept_by = kept_by
        others = torch.ones(len(base), dtype=torch.bool, device=base.device)
        others[deltas.indices] = False
        moved = (weight_v != 0).any(dim=1) | (weight_scaled != 0).any(dim=1)
        rivals = (others & moved).nonzero().flatten()
        self.weight_v, self.weight_scaled, self.base = weight_v[rivals], weight_scaled[rivals], base[rivals]
        self.rows = Rows(torch.cat([self.weight_v, self.weight_scaled], dim=1), self.base)
        self.settled = base[others & ~moved].abs().t()
        self._sorted: Settled | None = None

    def _settled(self, positions: Int[Tensor, "_prompt pos"]) -> Settled:
        """What no kept node moves, by position; sorted as far as it is asked for."""
        if len(self.settled) == 1:
            self._sorted = self._sorted or Settled(self.settled)
            return self._sorted
        n = int(positions.max()) + 1
        if self._sorted is None or len(self._sorted.table) < n:
            self._sorted = Settled(self.settled[:n])
        return Settled.sorted(self._sorted.table, positions)

    def leave(self, x: Values, moved: Values | None, scaled: Values | None, positions: Tensor) -> Values:
        """The kept deltas where they survive, zero elsewhere."""
        by_position = self.base.shape[1] > 1
        shapes = [part.shape[1:] for part in (moved, scaled) if part is not None]
        if by_position:
            shapes.append(torch.Size([1, *positions.shape]))
        x = x.expand(-1, *together(x.shape[1:], *shapes))
        magnitudes = x.detach().abs()

        def rivals(places: Places | Everywhere) -> Tensor:
            others = self.base
            if by_position:
                others = places.of(self.base[:, positions][:, None])
            if moved is not None:
                others = others + self.weight_v @ places.of(moved.detach())
            if scaled is not None:
                others = others + self.weight_scaled @ places.of(scaled.detach())
            return torch.cat([places.of(magnitudes), others.expand(-1, places.n).abs()])

        parts = [part for part in (moved, scaled) if part is not None]
        inside = survivors(
            magnitudes, self.kept_by, self._settled(positions), len(x) + len(self.base), rivals,
            rows=self.rows, values=stacked(parts) if parts else None,
        )  # fmt: skip
        return x * inside
