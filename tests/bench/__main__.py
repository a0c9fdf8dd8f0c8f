"""`make bench`: every benchmark beside its reference; table and pictures go into the README and docs/.

`python -m bench NAME ...` runs some of them anew, `python -m bench rest` those that have no figures yet, as after a run
that was stopped. Each one's figures are kept as soon as it ends, and the README then has a line for all that are kept.
"""

import sys
import time
from collections.abc import Callable

import torch

from app.marks import write_between
from app.settings import ROOT
from bench import bundled, kept, large, memory, picture
from bench.clock import Machine, Row, human
from model.sparse.warm import warm

MARKS = ("<!-- bench: written by `make bench` -->", "<!-- /bench -->")
#: Every benchmark by its name; all but the last four are on one large model.
BENCHES: dict[str, Callable[[Machine], list[Row]]] = {
    "widths": large.width_rows,
    "circuit": large.circuit_rows,
    "forward": large.forward_rows,
    "sweep": large.sweep_rows,
    "prune": lambda machine: bundled.prune_rows(bundled.best_model()),
    "http": lambda machine: bundled.http_rows(),
    "memory": lambda machine: memory.rows(),
}


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in (*BENCHES, "rest")]
    if unknown:
        sys.exit(f"no benchmark {unknown[0]!r}; there are: {', '.join(BENCHES)}, and rest")
    if "rest" in names:
        names = [name for name in BENCHES if name not in {part.name for part in kept.kept()}]
    elif not names:
        kept.forget()
        names = list(BENCHES)
    warm()
    machine = Machine.measured()
    for name in names:
        begun = time.perf_counter()
        rows = BENCHES[name](machine)
        elapsed_s = time.perf_counter() - begun
        by_width = large.by_width() if name == "widths" else {}
        kept.keep(name, rows, machine, torch.get_num_threads(), elapsed_s, by_width)
        print(f"{name}: {elapsed_s:.0f} s\n{table(rows)}", file=sys.stderr, flush=True)
        write(list(kept.kept()))
    parts = list(kept.kept())
    picture.draw([row for part in parts for row in part.rows], widths_of(parts), ROOT / "docs")


def widths_of(parts: list[kept.Part]) -> dict[int, float]:
    return next((part.by_width for part in parts if part.by_width), {})


def write(parts: list[kept.Part]) -> None:
    """All that is kept, into the README."""
    rows = sorted((row for part in parts for row in part.rows), key=lambda row: row.what)
    write_between(ROOT / "README.md", *MARKS, [report(rows, widths_of(parts), parts)])


def table(rows: list[Row]) -> str:
    lines = [
        "| what | ours | reference | ratio | aim | floor (distance from it) |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:,.1f}x" if row.ratio < 10 else f"{row.ratio:,.0f}x"
        aim = row.aim if row.met is None else f"{row.aim}: {'met' if row.met else 'missed'}"
        lines.append(f"| {row.what} | {row.ours} | {row.reference} | {ratio} | {aim} | {row.floor} |")
    return "\n".join(lines)


def report(rows: list[Row], by_width: dict[int, float], parts: list[kept.Part]) -> str:
    machine, elapsed_s = parts[-1].machine, sum(part.elapsed_s for part in parts)
    dates = sorted({part.measured_on for part in parts})
    widths = ", ".join(f"{width}: {human(value)}" for width, value in by_width.items())
    said = (
        f"On {parts[-1].n_threads} threads of the processor; medians of 3 to 9 runs, both sides in one run. 1, 2, "
        "3 and 6 are on a model with random weights, 8 layers of 2048, d_mlp 8192, heads of 16 with sinks, AbsTopK "
        f"1/4 at eight locations, one weight in a thousand, 64 pairs of {large.N_POS} tokens. The dense model is timed "
        f"on {large.N_DENSE_PAIRS} of the pairs, the sparse one on {large.N_SPARSE_PAIRS}, and scaled up. 3, by width "
        f"({widths}): a circuit grown alike in each, two nonzero weights to a row. The floor is the time in which the "
        "kept nodes' values (all sites' in 2) can be written and read once and the nonzero weights multiplied, at "
        f"{machine.bytes_per_s / 1e9:.0f} GB/s and {machine.flops_per_s / 1e9:.0f} Gflop/s, measured here; of 7 it is "
        "the nonzero weights' values and places. Differences are the largest of a logit difference from the dense "
        "model's, in nats. In about one run of five 2 is off by 0.1, probably where rounding decides a contest of "
        "AbsTopK otherwise. "
        f"In 4 the ratio is that of edges. The runs took {elapsed_s / 60:.1f} minutes, "
        f"{' and '.join(dates)}."
    )
    return "\n".join([picture.IN_README, "", table(rows), "", said])


if __name__ == "__main__":
    main(sys.argv[1:])
