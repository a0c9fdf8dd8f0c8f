"""All that a worker needs, put together from the settings: the store, the models, the work."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from app.artifacts import Artifacts
from app.card_parts import CardParts
from app.cards import Cards
from app.checkpoints import Checkpoints
from app.corpus import Corpus
from app.database import Database
from app.experiments import Experiments
from app.facts import KnownFacts
from app.job_claims import Claims
from app.lab import Lab
from app.library import Library
from app.mean_work import MeanWork
from app.memory import giving_back
from app.models_away import models_away
from app.pruning import Pruning
from app.searching import Searching
from app.settings import Settings
from app.store import Store
from app.sweeps import Sweeps
from app.tasks import Tasks
from app.work import Work
from app.worker import Alive, Worker
from model.sparse.warm import warm_in_background

log = logging.getLogger(__name__)

STUCK_EXIT = 76


def work_of(settings: Settings, database: Database) -> Work:
    """What is done with a job, with models of its own."""
    store, tasks = Store(database), Tasks(database)
    artifacts = Artifacts(settings.artifacts_address)
    away = models_away(artifacts, settings.data_dir)
    known = KnownFacts(settings.facts_dir)
    library = Library(settings.model_dirs, settings.device, settings.model_memory_bytes, away, known)
    if library.device.type == "cpu":
        warm_in_background()
    experiments = Experiments(store, library, tasks)
    n_pairs, corpus = settings.n_measured_pairs, Corpus(settings.bundle_dir / "corpus")
    pruning, searching = Pruning(store, library, tasks, n_pairs), Searching(store, library, tasks, n_pairs)
    cards = Cards(experiments, corpus, CardParts(database), n_pairs)
    sweeps = Sweeps(Lab(experiments, corpus), artifacts, settings.sweep_prompts_at_once)
    return Work(pruning, searching, cards, MeanWork(library, corpus), sweeps)


@contextmanager
def workplace(settings: Settings) -> Iterator[Worker]:
    """A worker of this process, known to live; the process ends itself if a cancelled job does not let go."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    database.migrate()
    checkpoints = Checkpoints(Artifacts(settings.artifacts_address))
    work = work_of(settings, database)
    worker = Worker(
        Claims(database), work, checkpoints, Alive(settings.data_dir / "workers"),
        most_losses=settings.most_losses, on_stuck=_end_process, help=work.help,
    )  # fmt: skip
    with giving_back(), worker:
        yield worker
    database.close()


def _end_process() -> None:
    log.error("a cancelled job does not let go; its process ends")
    os._exit(STUCK_EXIT)
