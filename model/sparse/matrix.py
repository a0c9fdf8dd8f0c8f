"""A linear map in the layout of kernels: by its nonzeros where they are few, else as a dense product."""

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from model.nonzeros import nonzeros_of
from model.sparse.kernel import Array, array, shared_out, vector
from model.sparse.layers import multiplied

#: A matrix with a larger share of nonzeros is multiplied faster as a dense one (measured at widths 128 to 1024).
DENSEST = 0.2


class Matrix:
    """`weight @ x + bias` for x of shape [source, token]."""

    def __init__(self, linear: nn.Linear) -> None:
        self.linear, self.n_targets, self.bias = linear, linear.out_features, linear.bias
        self.is_sparse = n_nonzero(linear) <= DENSEST * linear.out_features * linear.in_features
        if self.is_sparse:
            targets, sources, values = _entries(linear)
            starts: NDArray[np.int64] = np.zeros(self.n_targets + 1, dtype=np.int64)
            np.cumsum(np.bincount(targets, minlength=self.n_targets), out=starts[1:])
            self.entries = (starts, sources.astype(np.int32), values)

    def __call__(self, x: Float[Tensor, "source token"]) -> Float[Tensor, "target token"]:
        if not self.is_sparse:
            y = torch.matmul(self.linear.weight.detach(), x)
            return y if self.bias is None else y + self.bias.detach()[:, None]
        out = torch.empty(self.n_targets, x.shape[1])
        shared_out(multiplied, x.shape[1], *self.entries, vector(self.bias), x.numpy(), out.numpy())
        return out


def n_nonzero(linear: nn.Linear) -> int:
    """How many weights are not zero."""
    stored = nonzeros_of(linear)
    return int(linear.weight.count_nonzero()) if stored is None else len(stored.values)


def _entries(linear: nn.Linear) -> tuple[Array, Array, Array]:
    """Target, source and value of every nonzero weight, row after row."""
    stored = nonzeros_of(linear)
    if stored is not None:
        return stored.targets.numpy(), stored.sources.numpy(), stored.values.numpy()
    weight = array(linear.weight)
    targets, sources = np.nonzero(weight)
    return targets, sources, weight[targets, sources]
