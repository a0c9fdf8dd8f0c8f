"""Parts of a weight matrix: picked rows and columns, taken from the nonzeros where the matrix is kept so.

A part answers alike in both forms; only one of a matrix that is dense already holds a dense matrix itself.
"""

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn

from model.nonzeros import Nonzeros, nonzeros_of

Array = NDArray[Any]


class Part(ABC):
    """Rows (targets) and columns (sources) of a weight, numbered as they were picked; the bias goes with the rows."""

    def __init__(self, shape: tuple[int, int], bias: Float[Tensor, " target"] | None) -> None:
        self.shape, self.bias = shape, bias

    @abstractmethod
    def rows(self, indices: Int[Tensor, " row"]) -> "Part":
        """Some rows, in this order."""

    @abstractmethod
    def columns(self, indices: Int[Tensor, " column"]) -> "Part":
        """Some columns, none twice."""

    @abstractmethod
    def entries(self) -> tuple[Int[Tensor, " entry"], Int[Tensor, " entry"], Float[Tensor, " entry"]]:
        """Row, column and value of every nonzero weight, row after row."""

    @abstractmethod
    def count(self) -> int:
        """How many weights are not zero."""

    @abstractmethod
    def dense(self) -> Float[Tensor, "target source"]:
        """The part as a matrix of its own."""

    @abstractmethod
    def has_entries(self) -> Bool[Tensor, " target"]:
        """Rows with a nonzero weight."""

    @abstractmethod
    def is_read(self) -> Bool[Tensor, " source"]:
        """Columns with a nonzero weight."""

    @abstractmethod
    def at_mean(self, mean: Float[Tensor, " source"]) -> Float[Tensor, " target"]:
        """What the rows give, bias included, where every column is at its mean; float32."""

    @abstractmethod
    def by_head(self, mean: Float[Tensor, " source"], n_head: int) -> Float[Tensor, "target head"]:
        """What each row gets of each head's columns at their means; float32."""


def part_of(linear: nn.Linear, first: int = 0, end: int | None = None) -> Part:
    """The rows from `first` up to `end` (all)."""
    end = linear.out_features if end is None else end
    bias = None if linear.bias is None else linear.bias.detach()[first:end]
    found = nonzeros_of(linear)
    return _Dense(linear.weight.detach()[first:end], bias) if found is None else _of_nonzeros(found, first, end, bias)


def weight_at(linear: nn.Linear, row: int, column: int) -> Float[Tensor, ""]:
    """One weight."""
    found = nonzeros_of(linear)
    if found is None:
        return linear.weight[row, column]
    place = row * linear.in_features + column
    at = int(torch.searchsorted(found.places, place))
    is_there = at < len(found.places) and int(found.places[at]) == place
    return found.values[at] if is_there else found.values.new_zeros(())


class _Dense(Part):
    def __init__(self, weight: Float[Tensor, "target source"], bias: Tensor | None) -> None:
        super().__init__((weight.shape[0], weight.shape[1]), bias)
        self._weight = weight

    def rows(self, indices: Tensor) -> Part:
        return _Dense(self._weight[indices], None if self.bias is None else self.bias[indices])

    def columns(self, indices: Tensor) -> Part:
        return _Dense(self._weight[:, indices], self.bias)

    def entries(self) -> tuple[Tensor, Tensor, Tensor]:
        row, column = self._weight.nonzero().unbind(dim=1)
        return row, column, self._weight[row, column]

    def count(self) -> int:
        return int(self._weight.count_nonzero())

    def dense(self) -> Tensor:
        return self._weight

    def has_entries(self) -> Tensor:
        return (self._weight != 0).any(dim=1)

    def is_read(self) -> Tensor:
        return (self._weight != 0).any(dim=0)

    def at_mean(self, mean: Tensor) -> Tensor:
        """Summed in float64 unless the part is wide: so much is not copied."""
        if self._weight.numel() > 2**20:
            bias = mean.new_zeros(self.shape[0]) if self.bias is None else self.bias.float()
            return torch.addmv(bias, self._weight.float(), mean)
        found = self._weight.double() @ mean.double()
        return (found if self.bias is None else found + self.bias.double()).float()

    def by_head(self, mean: Tensor, n_head: int) -> Tensor:
        return (self._weight.float() * mean).unflatten(1, (n_head, -1)).sum(dim=2)


class _Sparse(Part):
    """Entries by flat places, row after row; by numpy, which begins sooner on the few that a circuit keeps."""

    def __init__(self, shape: tuple[int, int], bias: Tensor | None, places: Array, values: Array) -> None:
        super().__init__(shape, bias)
        self._places, self._values = places, values

    def rows(self, indices: Tensor) -> Part:
        width, wanted = self.shape[1], indices.numpy().astype(self._places.dtype)
        starts, ends = (np.searchsorted(self._places, bounds) for bounds in (wanted * width, (wanted + 1) * width))
        counts = ends - starts
        row = np.arange(len(wanted)).repeat(counts)
        at = np.arange(len(row)) + (starts - counts.cumsum() + counts)[row]
        moved = (np.arange(len(wanted)) - wanted) * width
        bias = None if self.bias is None else self.bias[indices]
        return _Sparse((len(wanted), width), bias, self._places[at] + moved[row], self._values[at])

    def columns(self, indices: Tensor) -> Part:
        place = np.full(self.shape[1], -1)
        place[indices.numpy()] = np.arange(len(indices))
        row, column = np.divmod(self._places, self.shape[1])
        column = place[column]
        there = column >= 0
        places = row[there] * len(indices) + column[there]
        return _Sparse((self.shape[0], len(indices)), self.bias, places, self._values[there])

    @cached_property
    def _entries(self) -> tuple[Tensor, Tensor, Tensor]:
        row, column = np.divmod(self._places, self.shape[1]) if self.shape[1] else (self._places, self._places)
        return torch.from_numpy(row).long(), torch.from_numpy(column).long(), torch.from_numpy(self._values)

    def entries(self) -> tuple[Tensor, Tensor, Tensor]:
        return self._entries

    def count(self) -> int:
        return len(self._values)

    def dense(self) -> Tensor:
        row, column, values = self._entries
        found = values.new_zeros(self.shape)
        found[row, column] = values
        return found

    def has_entries(self) -> Tensor:
        found = torch.zeros(self.shape[0], dtype=torch.bool)
        found[self._entries[0]] = True
        return found

    def is_read(self) -> Tensor:
        found = torch.zeros(self.shape[1], dtype=torch.bool)
        found[self._entries[1]] = True
        return found

    def at_mean(self, mean: Tensor) -> Tensor:
        """Summed in float64."""
        found = torch.zeros(self.shape[0], dtype=torch.float64) if self.bias is None else self.bias.double()
        row, column, values = self._entries
        return found.index_add(0, row, values.double() * mean.double()[column]).float()

    def by_head(self, mean: Tensor, n_head: int) -> Tensor:
        row, column, values = self._entries
        place = row * n_head + column // (self.shape[1] // n_head)
        found = torch.zeros(self.shape[0] * n_head).index_add(0, place, values * mean[column])
        return found.view(self.shape[0], n_head)


def _of_nonzeros(found: Nonzeros, first: int, end: int, bias: Tensor | None) -> Part:
    shape, places, values = (end - first, found.shape[1]), found.places.numpy(), found.values.numpy()
    if end - first < found.shape[0]:
        bounds = np.array([first * shape[1], end * shape[1]], dtype=places.dtype)
        low, high = np.searchsorted(places, bounds)
        places, values = places[low:high] - places.dtype.type(first * shape[1]), values[low:high]
    return _Sparse(shape, bias, places, values)
