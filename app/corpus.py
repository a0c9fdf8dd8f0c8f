"""The held-out text that comes with the app, and what the nodes of circuits do on it, computed once and kept."""

import json
import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from jaxtyping import Float16, Int
from torch import Tensor

from model.circuit import Circuit
from model.corpus_sample import LONGEST_WINDOW, sample_values, windows_of
from model.subject import Subject

MOST_BYTES = 400_000_000


@dataclass(frozen=True)
class OnCorpus:
    """Every kept node of a circuit at every token, in the circuit's order; the outside world in `windows`."""

    n_documents: int
    windows: Int[Tensor, "window pos"]
    full_model: Float16[Tensor, "node window pos"]
    circuit: Float16[Tensor, "node window pos"]

    @property
    def n_bytes(self) -> int:
        return 2 * (self.full_model.numel() + self.circuit.numel())


class Corpus:
    """`<folder>/<language>.jsonl`: a document a line, `{"text", "source", "licence"}`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.documents = lru_cache(maxsize=8)(self._documents)
        self._kept: OrderedDict[str, OnCorpus] = OrderedDict()
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def languages(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.jsonl"))

    def _documents(self, language: str) -> tuple[str, ...]:
        lines = (self.folder / f"{language}.jsonl").read_text().splitlines()
        return tuple(json.loads(line)["text"] for line in lines)

    def nodes_of(self, subject: Subject, circuit: Circuit) -> OnCorpus | None:
        """One pass of the full model and one of the circuit for all its nodes; None where there is no text for it.

        The first to ask waits some seconds, others with it; the longest unused are forgotten at MOST_BYTES.
        """
        if subject.language not in self.languages():
            return None
        with self._lock:
            lock = self._locks.setdefault(circuit.id, threading.Lock())
        with lock:
            if circuit.id not in self._kept:
                found = self._run(subject, circuit)
                with self._lock:
                    self._kept[circuit.id] = found
                    while len(self._kept) > 1 and sum(kept.n_bytes for kept in self._kept.values()) > MOST_BYTES:
                        self._kept.popitem(last=False)
                return found
            with self._lock:
                self._kept.move_to_end(circuit.id)
                return self._kept[circuit.id]

    def windows(self, subject: Subject) -> Int[Tensor, "window pos"]:
        """The text of the subject's language as its tokeniser cuts it."""
        documents = self.documents(subject.language)
        return windows_of(documents, subject.tokenizer, min(LONGEST_WINDOW, subject.config.block_size))

    def some_windows(self, subject: Subject, n: int) -> Int[Tensor, "window pos"] | None:
        """At most `n` windows at even steps through the text; None where there is no text for the subject."""
        if subject.language not in self.languages():
            return None
        windows = self.windows(subject)
        return windows[:: max(1, -(-len(windows) // n))]

    def _run(self, subject: Subject, circuit: Circuit) -> OnCorpus:
        documents = self.documents(subject.language)
        windows = self.windows(subject)
        full, kept = (sample_values(subject, windows, circuit.nodes, within) for within in (None, circuit))
        return OnCorpus(len(documents), windows, full, kept)
