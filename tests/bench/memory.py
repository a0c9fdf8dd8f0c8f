"""Benchmark 7: peak memory of a process that loads the large model and runs it, each way in a process of its own."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from bench.clock import Row, human
from bench.wide import random_batch, wide_model

N_PAIRS = 8


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        from model.checkpoint import save_model

        save_model(wide_model(torch.Generator().manual_seed(0)), Path(folder))
        sparse, dense = (_measured(folder, way) for way in ("sparse", "dense"))
    n_floor = sparse["nonzero_gb"]
    return [Row(
        f"7. peak memory of serving the large model, {N_PAIRS} pairs; loading it takes {human(sparse['load_s'])}",
        f"{sparse['peak_gb']:.2f} GB", f"{dense['peak_gb']:.2f} GB", dense["peak_gb"] / sparse["peak_gb"], "", None,
        f"{n_floor:.2f} GB of nonzero weights ({sparse['peak_gb'] / n_floor:.1f}x); "
        f"{sparse['loaded_gb']:.2f} GB once loaded",
    )]  # fmt: skip


def _measured(folder: str, way: str) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.memory", folder, way]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # type: ignore[no-any-return]


def _peak_gb() -> float:
    """The most that this program has held since it began; `ru_maxrss` would count what its parent held before that."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 2**20


def main(folder: str, way: str) -> None:
    from model.checkpoint import load_model
    from model.measure import logit_difference, measure

    started = time.perf_counter()
    model = load_model(Path(folder))
    load_s, loaded_gb = time.perf_counter() - started, _peak_gb()
    batch = random_batch(model.config, 300, torch.Generator().manual_seed(1)).select(torch.arange(N_PAIRS))
    with torch.no_grad():
        measure(model, batch) if way == "sparse" else logit_difference(model, batch)
    peak_gb = _peak_gb()
    n_nonzero = sum(int(parameter.count_nonzero()) for parameter in model.parameters())
    print(json.dumps({"load_s": load_s, "loaded_gb": loaded_gb, "peak_gb": peak_gb,
                      "nonzero_gb": 8 * n_nonzero / 2**30}))  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
