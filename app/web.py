"""Serving: one process that answers, or several of them on one port behind one that runs the jobs' workers."""

import multiprocessing
import os
import signal
import tempfile
import threading
from typing import Any

import uvicorn
from fastapi import FastAPI

from app.access import check_settings
from app.database import Database
from app.logs import log_as
from app.main import create_app
from app.metrics import TOGETHER
from app.settings import Settings
from app.supervisor import Supervisor, environment_of

#: Event streams stay open until their job ends; a stop does not wait for them. Idle connections are kept longer than a
#: proxy keeps them (nginx: 60 s), so that it never sends a request on one that is just being closed here.
OPTIONS: dict[str, Any] = {
    "timeout_graceful_shutdown": 1, "timeout_keep_alive": 75, "access_log": False, "log_config": None,
    "server_header": False,
}  # fmt: skip
#: A process that does not say for so long that it lives is replaced.
SILENT_S = 30


def serve(settings: Settings) -> None:
    """Until told to stop. Raises InputError for settings that cannot be served."""
    if settings.processes == 1:
        uvicorn.run(create_app(settings), host=settings.host, port=settings.port, **OPTIONS)
        return
    check_settings(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    database.migrate()
    database.close()
    n_slots = settings.computing_slots or max(1, (os.cpu_count() or 1) // settings.processes)
    theirs = settings.model_copy(update={"worker": False, "processes": 1, "computing_slots": n_slots})
    with tempfile.TemporaryDirectory(prefix="sparsescope-") as folder, Supervisor(settings):
        os.environ.update(environment_of(theirs) | {TOGETHER: folder})
        uvicorn.run(
            "app.web:one_of_several", factory=True, workers=settings.processes, host=settings.host, port=settings.port,
            timeout_worker_healthcheck=SILENT_S, **OPTIONS,
        )  # fmt: skip


def one_of_several() -> FastAPI:
    """The app in a process of its own, which ends when the one that started it is gone, however that ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:

        def end_with_it() -> None:
            parent.join()
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=end_with_it, name="sparsescope-parent", daemon=True).start()
    settings = Settings()
    log_as(settings.log)
    return create_app(settings)
