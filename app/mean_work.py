"""Corpus means of a model that brought none: over held-out text where it reads it, else over text of its own."""

import os
import secrets
import time
from collections.abc import Callable

import torch

from app.corpus import Corpus
from app.jobs import Stopped
from app.library import Library
from app.schemas import StepEvent
from model.means import corpus_means, save_means
from model.own_text import own_windows
from model.sites import n_nodes

N_WINDOWS, LONGEST = 128, 128
N_OWN_WINDOWS = 32
BATCH = 16

OnStep = Callable[[StepEvent], None]


def _never() -> bool:
    return False


class MeanWork:
    """What the worker does for a model without means. They are written whole or not at all."""

    def __init__(self, library: Library, corpus: Corpus) -> None:
        self.library = library
        self.corpus = corpus

    def compute(
        self, model: str, *, on_step: OnStep = lambda step: None, should_stop: Callable[[], bool] = _never
    ) -> None:
        subject, started = self.library.subject(model), time.monotonic()
        total = n_nodes(subject.config)

        def report(phase: str, step: int, n_steps: int) -> None:
            if should_stop():
                raise Stopped
            on_step(
                StepEvent(
                    step=step, n_steps=n_steps, phase=phase, loss_nats=0.0, n_nodes=total, n_edges=None,
                    elapsed_s=time.monotonic() - started,
                )
            )  # fmt: skip

        if subject.language in self.corpus.languages():
            windows = self.corpus.windows(subject)[:N_WINDOWS]
        else:
            width = min(LONGEST, subject.config.block_size)
            windows = own_windows(
                subject.model, N_OWN_WINDOWS, width, on_step=lambda n: report("writing text", n, width)
            )
        parts = windows.split(BATCH)
        found: dict[str, torch.Tensor] = {}
        for i, part in enumerate(parts):
            report("means", i, len(parts))
            share = len(part) / len(windows)
            for site, mean in corpus_means(subject.model, part).items():
                found[site] = found.get(site, torch.zeros_like(mean)) + share * mean
        folder = self.library.shelf(model).folder
        written = folder / f".means-{secrets.token_hex(4)}"
        save_means(found, written)
        os.replace(written, folder / "means.safetensors")
        self.library.keep(model)
        report("means", len(parts), len(parts))
