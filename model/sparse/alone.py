"""Torch's operations on one thread, for work so small that waking another takes longer."""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import torch


@contextmanager
def alone(is_wanted: bool = True) -> Iterator[None]:
    """Operations of the calling thread run on it alone, kernels too.

    `torch.set_num_threads` would also speak for threads that begin meanwhile. Nothing changes where torch's threads are
    not those of libgomp.
    """
    n_threads = torch.get_num_threads()
    if not is_wanted or n_threads == 1:
        yield
        return
    _set_threads()(1)
    try:
        yield
    finally:
        _set_threads()(n_threads)


@cache
def _set_threads() -> Callable[[int], object]:
    try:
        return ctypes.CDLL("libgomp.so.1").omp_set_num_threads
    except (OSError, AttributeError):
        return lambda n: None
