"""Which way the full model runs without gradients: by its nonzero weights on a CPU where they are few, else densely."""

from weakref import WeakKeyDictionary

from model.nonzeros import held
from model.sparse.matrix import DENSEST, n_nonzero
from model.sparse.transformer import SparseTransformer
from model.sparse.warm import are_ready
from model.transformer import Transformer

_SWIFT: "WeakKeyDictionary[Transformer, tuple[object, Transformer]]" = WeakKeyDictionary()


def swift(model: Transformer) -> Transformer:
    """The faster of two ways to run a model as its weights are now; they agree up to rounding.

    It shares the model's parameters, takes taps as the model does, and gives no gradients. It is the model itself where
    that is faster: on a GPU, where more than DENSEST of the weights are nonzero, while kernels are being compiled.
    """
    if isinstance(model, SparseTransformer) or model.device.type != "cpu" or not are_ready():
        return model
    stamp = held(model)
    known = _SWIFT.get(model)
    if known is None or known[0] != stamp:
        _SWIFT[model] = known = (stamp, SparseTransformer(model) if is_sparse(model) else model)
    return known[1]


def is_sparse(model: Transformer) -> bool:
    """Whether few enough of the weights between activations are nonzero."""
    matrices = [
        linear
        for block in model.blocks
        for linear in (block.attn.c_attn, block.attn.c_proj, block.mlp.c_fc, block.mlp.c_proj)
    ]
    return sum(map(n_nonzero, matrices)) <= DENSEST * sum(m.out_features * m.in_features for m in matrices)
