"""Torch's operations on one thread, for work so small that waking another takes longer."""

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import torch


@contextmanager
def alone(is_wanted: bool = True) -> Iterator[None]:
    """Operations of the calling thread run on it alone, kernels too.

    `torch.set_num_threads` would also speak for threads that begin meanwhile. Where torch's threads are not those of
    libgomp, this is true of kernels alone.
    """
    n_threads = torch.get_num_threads()
    if not is_wanted or n_threads == 1:
        yield
        return
    before = is_alone()
    _set_threads()(1)
    _here.is_alone = True
    try:
        yield
    finally:
        _here.is_alone = before
        _set_threads()(n_threads)


def is_alone() -> bool:
    """Whether the calling thread has been told to work alone."""
    return getattr(_here, "is_alone", False)


_here = threading.local()


@cache
def _set_threads() -> Callable[[int], object]:
    try:
        return ctypes.CDLL("libgomp.so.1").omp_set_num_threads
    except (OSError, AttributeError):
        return lambda n: None
