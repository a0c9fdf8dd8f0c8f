"""Windows of corpus tokens for training: drawn by step, so that a resumed run sees what an unbroken one would."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor


@dataclass(frozen=True)
class Corpus:
    """Token files on disk (uint16): generated programs and real code, apart, so that any mixture can be drawn."""

    generated: np.ndarray
    real: np.ndarray
    real_fraction: float = 0.5

    @classmethod
    def open(cls, folder: Path, split: str, real_fraction: float = 0.5) -> "Corpus":
        """`split` is `train` or `val`; at `real_fraction` 0 no real code is read, and none need be there.

        Raises FileNotFoundError where the corpus has not been built.
        """
        generated = np.memmap(folder / f"{split}_generated.bin", dtype=np.uint16, mode="r")
        if real_fraction == 0:
            return cls(generated, np.empty(0, dtype=np.uint16), 0.0)
        return cls(generated, np.memmap(folder / f"{split}_real.bin", dtype=np.uint16, mode="r"), real_fraction)

    @staticmethod
    def has_real(folder: Path) -> bool:
        """Whether the corpus has real code; one of another language than Python has none."""
        return (folder / "val_real.bin").exists()

    def draw(self, n_windows: int, n_tokens: int, *, seed: int, step: int) -> Int[Tensor, "window token"]:
        """`n_windows` runs of `n_tokens` tokens; `real_fraction` of them from real code."""
        rng = np.random.default_rng((seed, step))
        n_real = int(rng.binomial(n_windows, self.real_fraction))
        rows = [
            source[start : start + n_tokens]
            for source, count in ((self.real, n_real), (self.generated, n_windows - n_real))
            for start in rng.integers(0, len(source) - n_tokens, size=count)
        ]
        return torch.from_numpy(np.stack(rows).astype(np.int64))
