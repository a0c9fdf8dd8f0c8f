"""Which processor to compute on."""

import os

import torch

from model.errors import UnknownName


def choose_device(name: str = "auto") -> torch.device:
    """`auto` is CUDA where there is one, else the CPU; `cpu`, `cuda` and `cuda:1` say so themselves."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name != "cpu" and not name.startswith("cuda"):
        raise UnknownName.among("device", name, ("auto", "cpu", "cuda"))
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise UnknownName(f"no device {name!r}: this machine has no CUDA; there is: cpu")
    return torch.device(name)


def has_fast_bf16(device: torch.device) -> bool:
    """Whether products in bfloat16 are quicker than in float32: on a GPU, and on a CPU with instructions for them.
    Elsewhere they are emulated, some fifty times slower."""
    if device.type != "cpu":
        return True
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))


def memory_in_use(device: torch.device) -> tuple[int, int]:
    """Bytes of the device's own memory that are in use, and all of them; (0, 0) of a CPU, which has none of its own."""
    if device.type != "cuda":
        return 0, 0
    free, total = torch.cuda.mem_get_info(device)
    return total - free, total


def share_cores(n: int) -> None:
    """Let each of `n` computations of this process that run at once have its part of the cores, in threads that begin
    from now on too."""
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // n))
