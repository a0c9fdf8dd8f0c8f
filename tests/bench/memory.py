"""Benchmark 7: peak memory of a process that loads the large model and runs it, or a circuit of it, each way in a
process of its own."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from bench.clock import Row, human
from bench.wide import N_POS, random_batch, random_circuit, wide_model

N_PAIRS, N_NODES = 8, 320


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        n_nodes = _save(Path(folder))
        return [
            _row("the full model, loaded", folder, ("model", "dense")),
            _row(f"a circuit of {n_nodes} nodes, loaded and compiled", folder, ("circuit", "masked")),
        ]


def _save(folder: Path) -> int:
    """The model, its means and a circuit of it; how many nodes that has."""
    from model.checkpoint import save_model
    from model.means import corpus_means, save_means

    generator = torch.Generator().manual_seed(0)
    model = wide_model(generator)
    save_model(model, folder)
    save_means(corpus_means(model, torch.randint(300, (2, N_POS), generator=generator)), folder / "means")
    keep = random_circuit(model, N_NODES, generator)
    torch.save(keep, folder / "keep")
    return sum(int(mask.sum()) for mask in keep.values())


def _row(what: str, folder: str, ways: tuple[str, str]) -> Row:
    ours, dense = (_measured(folder, way) for way in ways)
    peak_gb, floor_gb = ours["peak_gb"], ours["nonzero_gb"]
    return Row(
        f"7. peak memory of {what} ({human(ours['load_s'])}), then run on {N_PAIRS} pairs",
        f"{peak_gb:.2f} GB", f"{dense['peak_gb']:.2f} GB", dense["peak_gb"] / peak_gb, "", None,
        f"{floor_gb:.2f} GB of nonzero weights ({peak_gb / floor_gb:.1f}x); {ours['loaded_gb']:.2f} GB before the run",
    )  # fmt: skip


def _measured(folder: str, way: str) -> dict[str, float]:
    """`way`: the full model as `measure` runs it or densely; a circuit compiled or as the masked dense model."""
    command = [sys.executable, "-m", "bench.memory", folder, way]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # type: ignore[no-any-return]


def _peak_gb() -> float:
    """The most that this program has held since it began; `ru_maxrss` would count what its parent held before that."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 2**20


def main(folder: str, way: str) -> None:
    from model.checkpoint import load_model
    from model.compiled import compile_circuit
    from model.gate import hold
    from model.means import load_means
    from model.measure import logit_difference, measure

    started = time.perf_counter()
    model = load_model(Path(folder))
    means, keep = load_means(Path(folder) / "means", model.config), torch.load(Path(folder) / "keep")
    served = compile_circuit(model, means, keep) if way == "circuit" else model
    load_s, loaded_gb = time.perf_counter() - started, _peak_gb()
    batch = random_batch(model.config, 300, torch.Generator().manual_seed(1)).select(torch.arange(N_PAIRS))
    with torch.no_grad():
        if way in ("model", "circuit"):
            measure(served, batch)
        else:
            logit_difference(model, batch, hold(keep, means) if way == "masked" else None)
    peak_gb = _peak_gb()
    n_nonzero = sum(int(parameter.count_nonzero()) for parameter in model.parameters())
    print(json.dumps({"load_s": load_s, "loaded_gb": loaded_gb, "peak_gb": peak_gb,
                      "nonzero_gb": 8 * n_nonzero / 2**30}))  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
