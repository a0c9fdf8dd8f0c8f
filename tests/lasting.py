"""A data directory with a queue, and jobs for it that are long enough to be killed and short enough to wait for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

import tiny
from app.database import Database
from app.queue import Queue
from app.schemas import PruneRequest
from app.settings import Settings
from app.store import Store
from app.tasks import Tasks
from model.tasks import TASKS
from model.tasks.own import own_task
from model.tasks.task import SPLITS

LONG_S = 300
N_STEPS = 90
PRUNE = {
    "n_steps": N_STEPS, "pairs_per_step": 4, "target_loss_nats": 0.8, "lr": 0.1, "calibrated": False, "greedy": False,
    "cut_edges": False, "ease_penalty": False,
}  # fmt: skip


#: Few pairs, so that a job that goes on does not draw thousands of them first.
PAIRS = [pair for split in SPLITS for pair in TASKS[tiny.TASK].pairs(split, 20, seed=5)]
MINE = own_task("Lasting", PAIRS)


def request(seed: int, task: str = MINE.name, **settings: Any) -> PruneRequest:
    body = {"model": tiny.MODEL, "task": task, "settings": PRUNE | {"seed": seed} | settings}
    return PruneRequest.model_validate(body)


@contextmanager
def opened(settings: Settings) -> Iterator[tuple[Queue, Store]]:
    settings.data_dir.mkdir(parents=True)
    database = Database(settings.database)
    database.migrate()
    Tasks(database).keep(MINE, tiny.MODEL)
    yield Queue(database), Store(database)
    database.close()


def post_task(url: str) -> str:
    """The same task given to a server that runs; its name."""
    prompts = [
        {"clean": p.prompts[0], "corrupt": p.prompts[1], "answers": [p.answers[0]], "wrong_answers": [p.answers[1]]}
        for p in PAIRS
    ]
    body = {"title": "Lasting", "model": tiny.MODEL, "pairs": {"prompts": prompts}}
    return str(httpx.post(f"{url}/tasks", json=body, timeout=60).raise_for_status().json()["name"])
