"""The corpus on disk: documents as token ids, generated and real in files of their own, a few held out."""

import json
import platform
import zlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from model.corpus import licences, realcode
from model.corpus.program import generate_program
from model.tokenizer import Tokenizer

TOKENISER_CHARS = 30_000_000
DOCUMENTS_A_BATCH = 2000
ONE_HELD_OUT_IN = 100

OnProgress = Callable[[str, int, int], None]


def build(
    folder: Path,
    *,
    n_generated_tokens: int,
    real_fraction: float = 0.5,
    vocab_size: int = 1024,
    seed: int = 0,
    on_progress: OnProgress = lambda part, done, total: None,
) -> dict[str, Any]:
    """Write `{train,val}_{generated,real}.bin` (uint16), `tokenizer/` if there is none, and `corpus.json`.

    `real_fraction` is of the characters that the tokeniser is trained on; the ids of both kinds are all kept,
    so that a trainer mixes them as it likes. `on_progress(part, done, total)` counts tokens or characters.
    """
    folder.mkdir(parents=True, exist_ok=True)
    real = list(realcode.documents(folder / "packages"))
    Random(seed).shuffle(real)
    if not (folder / "tokenizer").exists():
        on_progress("tokenizer", 0, TOKENISER_CHARS)
        texts = tokeniser_texts(real, int(TOKENISER_CHARS * real_fraction), seed)
        Tokenizer.train(texts, vocab_size).save(folder / "tokenizer")
        on_progress("tokenizer", TOKENISER_CHARS, TOKENISER_CHARS)
    tokenizer = Tokenizer.load(folder / "tokenizer")
    counts = {
        "generated": write(folder, "generated", programs(seed), n_generated_tokens, tokenizer, on_progress),
        "real": write(folder, "real", iter(real), None, tokenizer, on_progress),
    }
    about = {
        "seed": seed,
        "vocab_size": tokenizer.vocab_size,
        "separator": tokenizer.separator,
        "dtype": "uint16",
        "counts": counts,
        "python": platform.python_version(),
        "packages": licences.packages(folder / "packages"),
    }
    (folder / "corpus.json").write_text(json.dumps(about, indent=2) + "\n")
    return about


def programs(seed: int) -> Iterator[str]:
    rng = Random(seed)
    while True:
        yield generate_program(rng)


def tokeniser_texts(real: list[str], n_real_chars: int, seed: int) -> Iterator[str]:
    """TOKENISER_CHARS of text, real and then generated, the latter from another seed than the corpus."""
    for texts, n_chars in ((real, n_real_chars), (programs(seed + 1), TOKENISER_CHARS - n_real_chars)):
        for text in texts:
            if n_chars <= 0:
                break
            n_chars -= len(text)
            yield text


def write(
    folder: Path,
    kind: str,
    texts: Iterator[str],
    n_train_tokens: int | None,
    tokenizer: Tokenizer,
    on_progress: OnProgress,
) -> dict[str, int | float]:
    """Encode documents, a separator before each, into the train or the held-out file, to the number asked."""
    counts = {"train_tokens": 0, "val_tokens": 0, "train_documents": 0, "val_documents": 0}
    n_chars = 0
    with (folder / f"train_{kind}.bin").open("wb") as train, (folder / f"val_{kind}.bin").open("wb") as val:
        while batch := list(islice(texts, DOCUMENTS_A_BATCH)):
            n_chars += sum(map(len, batch))
            for text, ids in zip(batch, tokenizer.encode_batch(batch), strict=True):
                held_out = is_held_out(text)
                part = "val" if held_out else "train"
                np.array([tokenizer.separator, *ids], dtype=np.uint16).tofile(val if held_out else train)
                counts[f"{part}_tokens"] += 1 + len(ids)
                counts[f"{part}_documents"] += 1
            on_progress(kind, counts["train_tokens"], n_train_tokens or 0)
            if n_train_tokens is not None and counts["train_tokens"] >= n_train_tokens:
                break
    n_tokens = counts["train_tokens"] + counts["val_tokens"]
    return {**counts, "chars_per_token": round(n_chars / max(1, n_tokens), 3)}


def is_held_out(text: str) -> bool:
    """Decided by the text alone, so that a program made twice is not in both files."""
    return zlib.crc32(text.encode()) % ONE_HELD_OUT_IN == 0
