"""Programs run in a process of their own, which has no network to speak of, no files, and limits of time and memory."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from model.batch import PairBatch
from model.program.steps import Numbers

CPU_S, WALL_S, MEMORY_BYTES = 300, 600, 4 * 2**30


class ProgramFault(RuntimeError):
    """A program did not answer: what its process said last."""


@dataclass(frozen=True)
class Ran:
    """`raw` is class 1's candidate's logit less class 2's, `answered` the same calibrated, by prompt; `values` are
    named values at each prompt's last token."""

    raw: Float[Tensor, " prompt"]
    answered: Float[Tensor, " prompt"]
    values: dict[str, Numbers]


#: What the process runs: it limits itself, then takes programs and prompts from its input.
_RUNNER = """
import json, resource, sys
given = json.load(sys.stdin)
resource.setrlimit(resource.RLIMIT_CPU, (given["cpu_s"], given["cpu_s"]))
resource.setrlimit(resource.RLIMIT_AS, (given["memory_bytes"], given["memory_bytes"]))
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
import numpy as np
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
tokens, last, pairs = (np.array(given[name]) for name in ("tokens", "last", "answers"))
rows, out = np.arange(len(tokens)), []
for source in given["programs"]:
    space = {"__name__": "circuit"}
    exec(compile(source, "circuit.py", "exec"), space)
    scale, shift = space["SCALE"], space["SHIFT"]
    raw, values = [], {name: [] for name in given["names"]}
    for part in np.array_split(rows, max(1, len(rows) // 64)):
        width = int(last[part].max()) + 1
        known = space["circuit"](tokens[part, :width])
        at = np.arange(len(part)), last[part]
        both = [np.array([known["logits"][int(t)][i, p] for i, p, t in zip(*at, pairs[part, side])]) for side in (0, 1)]
        raw += (both[0] - both[1]).tolist()
        for name in given["names"]:
            values[name] += np.broadcast_to(known[name], (len(part), width))[at].tolist()
    out.append({"raw": raw, "answered": [scale * x + 2 * shift for x in raw], "values": values})
json.dump(out, sys.stdout)
"""


def run(sources: Sequence[str], batch: PairBatch, names: Sequence[str] = ()) -> list[Ran]:
    """Each program on the same prompts. Raises ProgramFault where the process fails or takes too long."""
    n = batch.n_pairs
    answers = batch.candidates.clone()
    answers[n:] = answers[n:].flip(1)  # class 1's candidate first
    given = {
        "programs": list(sources), "tokens": batch.tokens.tolist(), "last": batch.last.tolist(),
        "answers": answers.tolist(), "names": list(names), "cpu_s": CPU_S, "memory_bytes": MEMORY_BYTES,
    }  # fmt: skip
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-c", _RUNNER], input=json.dumps(given), capture_output=True, text=True,
                cwd=folder, env=kept | threads, timeout=WALL_S, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise ProgramFault(f"the program took longer than {WALL_S} s") from None
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise ProgramFault(f"the program's process ended with {done.returncode}: {said[-1] if said else 'no word'}")
    return [
        Ran(
            torch.tensor(one["raw"], dtype=torch.float64),
            torch.tensor(one["answered"], dtype=torch.float64),
            {name: np.array(values) for name, values in one["values"].items()},
        )
        for one in json.loads(done.stdout)
    ]


def right_minus_wrong(first_minus_second: Float[Tensor, " prompt"]) -> Float[Tensor, " prompt"]:
    """Of the first half of the prompts the first candidate is right, of the second half the second."""
    sign = torch.ones_like(first_minus_second)
    sign[len(sign) // 2 :] = -1
    return first_minus_second * sign
