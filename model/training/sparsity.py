"""Weight sparsity: which matrices are sparse, and the projection that keeps their largest entries (paper A.1)."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from model.transformer import Transformer


def sparse_matrices(model: Transformer) -> dict[str, nn.Parameter]:
    """The matrices held sparse: all but norms, biases, sinks, positions and the bigram table, each once."""
    exempt = ("bigram_table", "transformer.wpe.weight")
    return {
        name: weight
        for name, weight in model.named_parameters()
        if weight.ndim == 2 and name not in exempt
    }  # fmt: skip


def keep_largest(weight: Float[Tensor, "out in"], n_kept: int, *, min_per_row: int = 0, rows: int = 0) -> None:
    """Zero, in place, all but the `n_kept` entries of largest magnitude.

    With `min_per_row` every line along dimension `rows` keeps at least so many; they count towards `n_kept`,
    which grows to hold them if it must.
    """
    if n_kept >= weight.numel():
        return
    magnitude = weight.detach().abs()
    if min_per_row:
        width = weight.shape[1 - rows]
        floor = magnitude.topk(min(min_per_row, width), dim=1 - rows).indices
        magnitude.scatter_(1 - rows, floor, torch.inf)
    with torch.no_grad():
        weight.mul_(magnitude >= nth_largest(magnitude.flatten(), n_kept))


def nth_largest(values: Float[Tensor, " value"], n: int) -> float:
    """The `n`-th largest value; infinity for the 0-th. On the CPU by numpy, whose selection is vectorised."""
    if n == 0:
        return float("inf")
    rank = values.numel() - n
    if values.device.type == "cpu":
        return float(np.partition(values.numpy(), rank)[rank])
    return float(values.kthvalue(rank + 1).values)


def sparsify(model: Transformer, density: float, *, min_per_unit: int = 0) -> None:
    """Project every sparse matrix of the model to `density`, in place.

    `min_per_unit` nonzeros stay for every neuron and attention channel: rows of `c_fc` and `c_attn`, columns of
    both `c_proj`.
    """
    for name, weight in sparse_matrices(model).items():
        per_unit = min_per_unit if ".h." in name else 0
        rows = 1 if name.endswith("c_proj.weight") else 0
        keep_largest(weight, max(1, round(density * weight.numel())), min_per_row=per_unit, rows=rows)


def count_nonzero(model: Transformer) -> tuple[int, int]:
    """Nonzero and all entries of the sparse matrices."""
    matrices = sparse_matrices(model).values()
    return sum(int(w.count_nonzero()) for w in matrices), sum(w.numel() for w in matrices)
