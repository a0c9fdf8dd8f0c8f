"""Weights of blocks kept as their nonzeros: a dense matrix is made when something looks at `weight`, then stays.

Running a model by its nonzero weights, its fingerprint, compiling and drawing a circuit look at nonzeros alone
(`model.parts`); gradients and what multiplies densely look at `weight`.
"""

from collections.abc import Iterator
from threading import Lock
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

_MAKING = Lock()


class Nonzeros(NamedTuple):
    """A matrix by its nonzero entries, row after row: flat places and their values."""

    shape: torch.Size
    places: Int[Tensor, " entry"]
    values: Float[Tensor, " entry"]

    def dense(self) -> Float[Tensor, "target source"]:
        flat = torch.zeros(self.shape.numel())
        flat[self.places.long()] = self.values
        return flat.view(self.shape)

    @property
    def targets(self) -> Int[Tensor, " entry"]:
        return self.places // self.shape[1]

    @property
    def sources(self) -> Int[Tensor, " entry"]:
        return self.places % self.shape[1]


class _Parameters(dict[str, nn.Parameter | None]):
    """A module's parameters; whoever sees the value of `weight`, in whatever way, has it made."""

    def __init__(self, nonzeros: Nonzeros, bias: nn.Parameter | None) -> None:
        super().__init__(weight=None, bias=bias)
        self.nonzeros = nonzeros
        self.made: tuple[int, int] | None = None

    @property
    def is_made(self) -> bool:
        return super().__getitem__("weight") is not None

    def _make(self) -> None:
        if self.is_made:
            return
        with _MAKING:
            if not self.is_made:
                weight = nn.Parameter(self.nonzeros.dense(), requires_grad=False)
                self.made = _stamp(weight)
                super().__setitem__("weight", weight)

    @property
    def is_unchanged(self) -> bool:
        """Whether `weight` still is what the nonzeros say."""
        return not self.is_made or _stamp(super().__getitem__("weight")) == self.made

    def __getitem__(self, name: str) -> nn.Parameter | None:
        if name == "weight":
            self._make()
        return super().__getitem__(name)

    def __iter__(self) -> Iterator[str]:
        self._make()
        return super().__iter__()

    def get(self, name: str, default: Any = None) -> Any:
        if name == "weight":
            self._make()
        return super().get(name, default)

    def items(self) -> Any:
        self._make()
        return super().items()

    def values(self) -> Any:
        self._make()
        return super().values()

    def copy(self) -> dict[str, nn.Parameter | None]:
        self._make()
        return dict(super().items())

    def __reduce__(self) -> Any:
        return dict, (self.copy(),)  # a copy of the module is an ordinary one


class SparseLinear(nn.Linear):
    """A linear map whose `weight` is made when it is asked for, without gradients; else like any other."""

    def __init__(self, nonzeros: Nonzeros, bias: nn.Parameter | None) -> None:
        nn.Module.__init__(self)
        self.out_features, self.in_features = nonzeros.shape
        self.__dict__["_parameters"] = _Parameters(nonzeros, bias)


def nonzeros_of(linear: nn.Linear) -> Nonzeros | None:
    """The nonzeros that a weight was read from, if it was and has not been changed since."""
    parameters = linear.__dict__["_parameters"]
    return parameters.nonzeros if isinstance(parameters, _Parameters) and parameters.is_unchanged else None


def dense_of(linear: nn.Linear) -> Float[Tensor, "target source"]:
    """The whole weight; what is kept as nonzeros is made for the caller alone."""
    found = nonzeros_of(linear)
    return linear.weight if found is None else found.dense()


def weight_named(model: nn.Module, name: str) -> Tensor:
    """A parameter or buffer by its name; what is kept as nonzeros is made for the caller alone."""
    owner, _, leaf = name.rpartition(".")
    module = model.get_submodule(owner)
    return dense_of(module) if leaf == "weight" and isinstance(module, nn.Linear) else getattr(module, leaf)


class Held(NamedTuple):
    """A parameter: where it lies, how often it was written to, its size in bytes once it is dense."""

    address: int
    version: int
    n_bytes: int


def held(model: nn.Module) -> tuple[Held, ...]:
    """All parameters of a model, which change where a weight does; nothing is made dense."""
    found = []
    for module in model.modules():
        if isinstance(module, nn.Linear) and (stored := nonzeros_of(module)) is not None:
            found.append(Held(stored.values.data_ptr(), -1, 4 * stored.shape.numel()))
            own = [module.bias]
        else:
            own = list(module.parameters(recurse=False))
        found += [Held(p.data_ptr(), p._version, p.nbytes) for p in own if p is not None]
    return tuple(found)


def _stamp(parameter: Tensor | None) -> tuple[int, int]:
    assert parameter is not None
    return parameter.data_ptr(), parameter._version
