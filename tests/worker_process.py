"""Workers in processes that can be killed: forked from one that has loaded everything, so that each starts at once."""

import multiprocessing as mp
import os
import signal
import time
from multiprocessing.connection import Connection
from pathlib import Path

import tiny
from app.settings import Settings


class Workers:
    """A context: inside it, workers on one data directory are started and killed."""

    def __init__(self, settings: Settings) -> None:
        context = mp.get_context("forkserver")
        context.set_forkserver_preload(["worker_process_modules"])
        self._pipe, theirs = context.Pipe()
        self._parent = context.Process(target=_fork_on_demand, args=(settings.model_dump(mode="json"), theirs))

    def __enter__(self) -> "Workers":
        self._parent.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.send(False)
        self._parent.join()

    def start(self) -> int:
        """The process id of a new worker."""
        self._pipe.send(True)
        return int(self._pipe.recv())

    def kill(self, pid: int) -> None:
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)
        while is_alive(pid):
            time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _fork_on_demand(values: dict[str, object], pipe: Connection) -> None:
    import torch

    from app import workplace
    from app.artifacts import Artifacts
    from app.checkpoints import Checkpoints
    from app.database import Database
    from app.job_claims import Claims
    from app.worker import Alive, Worker

    torch.set_num_threads(1)
    workplace.warm_in_background = lambda: None  # type: ignore[assignment,return-value]  # threads do not live on in forks
    settings = Settings(**values)  # type: ignore[arg-type]
    database = Database(settings.database)
    work = workplace.work_of(settings, database)
    work.pruning.library.subject(tiny.MODEL)
    database.close()
    checkpoints, alive = Checkpoints(Artifacts(settings.artifacts_address)), Alive(settings.data_dir / "workers")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while pipe.recv():
        pid = os.fork()
        if pid == 0:
            with Worker(Claims(database), work, checkpoints, alive, most_losses=settings.most_losses) as worker:
                worker.run()
            os._exit(0)
        pipe.send(pid)
