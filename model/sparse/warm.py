"""The kernels made ready beforehand: compiled where this machine has not yet, else loaded; seconds, the first time."""

import threading
from functools import cache

import torch

from model.config import LOCTYPES, ModelConfig
from model.sparse.transformer import SparseTransformer
from model.transformer import Transformer

_TINY = ModelConfig(
    n_layer=1, d_model=8, d_mlp=8, n_head=2, d_head=4, vocab_size=8, block_size=8, sink=True, d_pos_emb=2,
    add_positions=False, afrac=0.5, afrac_loctypes=LOCTYPES,
)  # fmt: skip

_busy = threading.Event()


def warm() -> None:
    """Run every kernel once."""
    model = Transformer(_TINY).requires_grad_(False)
    for parameter in model.parameters():
        if parameter.ndim == 2:
            parameter.mul_(torch.eye(*parameter.shape))
    SparseTransformer(model)(torch.arange(4)[None])


@cache
def warm_in_background() -> threading.Thread:
    """The same once a process, beside other work, which takes the dense path until it is done."""

    def run() -> None:
        try:
            warm()
        finally:
            _busy.clear()

    _busy.set()
    thread = threading.Thread(target=run, name="warm kernels", daemon=True)
    thread.start()
    return thread


def are_ready() -> bool:
    """Whether kernels can be called without waiting for another thread that compiles them."""
    return not _busy.is_set()
