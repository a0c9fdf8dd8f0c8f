"""The same transformer with its sparse matrices multiplied as sparse ones: for long runs on a CPU, no gradients."""

import copy
import warnings

from jaxtyping import Float
from torch import Tensor, nn

from model.transformer import Transformer

#: A matrix with a larger share of nonzeros is multiplied faster as a dense one.
DENSEST = 0.1


class SparseLinear(nn.Module):
    """A linear map by its nonzero weights alone."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR tensor support", UserWarning)
            self.weight = linear.weight.detach().to_sparse_csr()
        self.bias = None if linear.bias is None else linear.bias.detach()

    def forward(self, x: Float[Tensor, "*rows source"]) -> Float[Tensor, "*rows target"]:
        y = (self.weight @ x.flatten(0, -2).t().contiguous()).t().unflatten(0, x.shape[:-1])
        return y if self.bias is None else y + self.bias


def swift(model: Transformer) -> Transformer:
    """A copy that shares the parameters and gives the same values up to rounding; not on a CPU, the model itself."""
    if model.device.type != "cpu":
        return model
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    copied = copy.deepcopy(model, shared)
    for block in copied.blocks:
        for part in (block.attn, block.mlp):
            for name, linear in list(part.named_children()):
                if isinstance(linear, nn.Linear) and _is_sparse(linear):
                    setattr(part, name, SparseLinear(linear))
    return copied


def _is_sparse(linear: nn.Linear) -> bool:
    return int(linear.weight.count_nonzero()) <= DENSEST * linear.weight.numel()
