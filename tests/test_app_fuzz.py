"""Some hundred requests that nobody meant, over the whole OpenAPI document; `make fuzz` sends ten thousand."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

import fuzz
from app.main import create_app
from app.settings import Settings
from conftest import wait_for


@contextmanager
def reached(app: FastAPI) -> Iterator[str]:
    """The address of an app that a thread of this process serves."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for(lambda: server.started, timeout_s=60)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def test_no_answer_is_a_fault_or_undocumented(settings: Settings) -> None:
    with reached(create_app(settings)) as url:
        report = fuzz.fuzz(url, n_cases=120, seed=1)
    print(report)
    assert report.faults == {}, "\n".join(report.faults.values())
    assert report.n_cases >= 100 and len(report.operations) > 70
    assert report.statuses[200] > 15, "much of what is valid is answered"
