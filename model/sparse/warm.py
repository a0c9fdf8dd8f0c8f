"""The kernels made ready beforehand: compiled where this machine has not yet, else loaded; seconds, the first time."""

import threading
from functools import cache

import torch

from model.config import LOCTYPES, ModelConfig
from model.sparse.count import contest
from model.sparse.heads import every_query, one_query
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
    sparse = SparseTransformer(model)
    sparse(torch.arange(4)[None])
    sparse.surprise(torch.arange(4)[None])
    one, table = torch.zeros(1, 1, 1, 1).numpy(), torch.zeros(1, 1).numpy()
    place, few = torch.zeros(1, dtype=torch.long).numpy(), torch.zeros(1, dtype=torch.int32).numpy()
    starts = torch.tensor([0, 1]).numpy()
    every_query(one[0], one[0], one[0], one[0, 0], 1, one[0].repeat(2, axis=1), 0, 1)
    one_query(one, one, one, one[0], place, one.repeat(2, axis=1))
    contest(table, 1, table, place, starts, few, table[0], table, 0, table, table, True, table, 0, 1)


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
