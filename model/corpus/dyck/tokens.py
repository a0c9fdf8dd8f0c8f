"""The corpus of words on disk, in the form of the Python corpus but with no real text."""

import json
from pathlib import Path
from typing import Any

from model.corpus.dyck.words import CLOSING, OPENING, words
from model.corpus.tokens import OnProgress, write
from model.tokenizer import Tokenizer


def build(
    folder: Path,
    *,
    n_tokens: int,
    seed: int = 0,
    on_progress: OnProgress = lambda part, done, total: None,
) -> dict[str, Any]:
    """Write `{train,val}_generated.bin` (uint16), `tokenizer/` (one token a bracket) and `corpus.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer.of_signs(OPENING + CLOSING)
    tokenizer.save(folder / "tokenizer")
    about = {
        "language": "dyck",
        "seed": seed,
        "vocab_size": tokenizer.vocab_size,
        "separator": tokenizer.separator,
        "dtype": "uint16",
        "counts": {"generated": write(folder, "generated", words(seed), n_tokens, tokenizer, on_progress)},
    }
    (folder / "corpus.json").write_text(json.dumps(about, indent=2) + "\n")
    return about
