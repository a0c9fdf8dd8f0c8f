"""A worker in a process that can be killed: forked from one that has loaded torch, so that it starts at once."""

import multiprocessing as mp
from multiprocessing.process import BaseProcess

from app.settings import Settings


def start_worker(settings: Settings) -> BaseProcess:
    context = mp.get_context("forkserver")
    context.set_forkserver_preload(["worker_process_modules"])
    process = context.Process(target=_work, args=(settings.model_dump(mode="json"),), daemon=True)
    process.start()
    return process


def _work(settings: dict[str, object]) -> None:
    import torch

    from app.workplace import workplace

    torch.set_num_threads(1)
    with workplace(Settings(**settings)) as worker:  # type: ignore[arg-type]
        worker.run()
