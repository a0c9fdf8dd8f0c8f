"""Kernels: plain loops that numba compiles once and keeps on disk; they run without the interpreter's lock.

Activations are laid out [channel, token], the tokens of one prompt after those of another, so that one channel's values
are contiguous: the innermost loop of every kernel runs over them and fills the processor's vectors. A kernel's last two
arguments are the first token and the one after the last (of attention: prompts), and `shared_out` shares these out
among torch's threads. Kernels go over tokens in blocks, all channels of which stay in the cache.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, TypeVar, cast

import numpy as np
import torch
from numba import config, njit
from numpy.typing import NDArray
from torch import Tensor

from model.sparse.alone import is_alone

#: What kernels are given: mostly float32, contiguous.
Array = NDArray[np.generic]
Function = TypeVar("Function", bound=Callable[..., Any])

#: A product and a sum may be rounded once.
FASTMATH = {"contract", "nsz"}

settings: Any = config


def kernel(function: Function) -> Function:
    """Compile a function when it is first called; later processes load it from disk, where there is a place to write.

    numba looks only at the file of a function to see whether it has changed, not at those of what it calls: so the
    cache lies in a folder that is named by the content of them all.
    """
    folder = _cache_folder()
    before, settings.CACHE_DIR = settings.CACHE_DIR, str(folder or "")
    try:
        compiled = njit(nogil=True, cache=folder is not None, error_model="numpy", fastmath=FASTMATH)
        return cast(Function, compiled(function))
    finally:
        settings.CACHE_DIR = before


@cache
def _cache_folder() -> Path | None:
    """As NUMBA_CACHE_DIR says, else beside the source, else in the user's cache; none where none can be written."""
    here = Path(__file__).parent
    digest = sha256(b"".join(path.read_bytes() for path in sorted(here.glob("*.py")))).hexdigest()[:16]
    places = [settings.CACHE_DIR, here / "__pycache__", os.path.expanduser("~/.cache/sparsescope")]
    for folder in (Path(place) / digest for place in places if place):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    return None


def shared_out(function: Callable[..., None], n: int, *arguments: Any, at_least: int = 1) -> None:
    """Run a kernel over `n` tokens or prompts, on as many threads as torch has, each with `at_least` so many."""
    n_threads = 1 if is_alone() else min(torch.get_num_threads(), n // at_least)
    if n_threads <= 1:
        function(*arguments, 0, n)
        return
    ends = [n * i // n_threads for i in range(n_threads + 1)]
    rest = [_pool().submit(function, *arguments, ends[i], ends[i + 1]) for i in range(1, n_threads)]
    function(*arguments, 0, ends[1])
    for part in rest:
        part.result()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="kernel")


def array(tensor: Tensor) -> Array:
    """The same memory as a contiguous float32 array."""
    return tensor.detach().float().contiguous().numpy()


NOTHING = np.zeros(0, dtype=np.float32)


def vector(tensor: Tensor | None) -> Array:
    """An array of no entries where there is no vector."""
    return NOTHING if tensor is None else array(tensor)
