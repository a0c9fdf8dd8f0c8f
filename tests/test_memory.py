"""Freed memory is given back: seen from outside, by what the process holds."""

import ctypes
import threading

import psutil
import pytest

from app.memory import give_back, giving_back
from conftest import wait_for

has_glibc = hasattr(ctypes.CDLL(None), "malloc_trim")
BLOCK = 64 << 10
FREED = 256 << 20


def held() -> int:
    return psutil.Process().memory_info().rss


def hole() -> tuple[bytearray, int]:
    """A block that stays, and what was held before many like it were freed: none of them goes back at once."""
    blocks = [bytearray(BLOCK) for _ in range(FREED // BLOCK)]
    return blocks.pop(), held()


@pytest.mark.skipif(not has_glibc, reason="the C library gives nothing back when asked")
def test_what_many_blocks_leave_goes_back_to_the_system() -> None:
    give_back()
    last, most = hole()
    assert give_back()
    assert most - held() > FREED // 2
    assert len(last) == BLOCK


@pytest.mark.skipif(not has_glibc, reason="the C library gives nothing back when asked")
def test_a_thread_gives_back_by_itself_and_ends_with_the_context() -> None:
    give_back()
    with giving_back(every_s=0.05):
        last, most = hole()
        wait_for(lambda: most - held() > FREED // 2, 10)
    assert len(last) == BLOCK
    assert not any(thread.name == "sparsescope-memory" for thread in threading.enumerate())
