"""A linear map in the layout of kernels: by its nonzeros where they are few, else as a dense product."""

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from model.sparse.kernel import array, shared_out, vector
from model.sparse.layers import multiplied

#: A matrix with a larger share of nonzeros is multiplied faster as a dense one (measured at widths 128 to 1024).
DENSEST = 0.2


class Matrix:
    """`weight @ x + bias` for x of shape [source, token]."""

    def __init__(self, linear: nn.Linear) -> None:
        self.weight, self.bias = linear.weight.detach(), linear.bias
        self.n_targets = len(self.weight)
        self.is_sparse = density(linear) <= DENSEST
        if self.is_sparse:
            weight = array(self.weight)
            targets, sources = np.nonzero(weight)
            starts: NDArray[np.int64] = np.zeros(self.n_targets + 1, dtype=np.int64)
            np.cumsum(np.bincount(targets, minlength=self.n_targets), out=starts[1:])
            self.entries = (starts, sources.astype(np.int32), weight[targets, sources])

    def __call__(self, x: Float[Tensor, "source token"]) -> Float[Tensor, "target token"]:
        if not self.is_sparse:
            y = torch.matmul(self.weight, x)
            return y if self.bias is None else y + self.bias.detach()[:, None]
        out = torch.empty(self.n_targets, x.shape[1])
        shared_out(multiplied, x.shape[1], *self.entries, vector(self.bias), x.numpy(), out.numpy())
        return out


def density(linear: nn.Linear) -> float:
    """Share of nonzero weights."""
    return int(linear.weight.count_nonzero()) / linear.weight.numel()
