"""Artifacts at any address: a folder, memory, a server on the network, one that goes away and comes back."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from app.artifacts import Artifacts, ArtifactsAway, shown
from app.checkpoints import Checkpoints
from app.database import Database
from app.doctor import examine
from app.job_claims import Claims
from app.jobs import Report
from app.queue import Queue
from app.schemas import PruneRequest
from app.settings import Settings
from app.worker import Alive, Worker
from conftest import free_port, tiny_settings, wait_for
from lasting import LONG_S, opened, request
from model.errors import InputError
from model.snapshot import Snapshot
from worker_process import Workers

with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # asyncore, which it is built on
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.servers import ThreadedFTPServer


@contextmanager
def ftp(folder: Path, port: int) -> Iterator[str]:
    """An FTP server on a folder; the address of `kept` in it."""
    logging.getLogger("pyftpdlib").setLevel(logging.ERROR)
    authorizer = DummyAuthorizer()
    authorizer.add_user("us", "secret", str(folder), perm="elradfmw")
    handler = type("Handler", (FTPHandler,), {"authorizer": authorizer})
    server = ThreadedFTPServer(("127.0.0.1", port), handler)
    leave = threading.Event()

    def serve() -> None:
        """Whoever polls its sockets closes them, too."""
        while not leave.is_set():
            server.serve_forever(timeout=0.05, blocking=False, handle_exit=False)
        server.close_all()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"ftp://us:secret@127.0.0.1:{port}/kept"
    finally:
        leave.set()
        thread.join()


@pytest.fixture
def there(tmp_path: Path) -> Path:
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


@pytest.fixture(params=["folder", "file", "memory", "ftp"])
def address(request: pytest.FixtureRequest, tmp_path: Path, there: Path) -> Iterator[str]:
    if request.param == "ftp":
        with ftp(there, free_port()) as at:
            yield at
    else:
        folder = tmp_path / "kept"
        yield {"folder": str(folder), "file": folder.as_uri(), "memory": f"memory://{uuid4().hex}"}[request.param]


def test_what_is_written_is_read_anywhere(address: str) -> None:
    artifacts, beside = Artifacts(address), Artifacts(address)
    assert artifacts.names("checkpoints") == [] and artifacts.read("checkpoints/a") is None
    artifacts.write("checkpoints/a", b"first")
    artifacts.write("checkpoints/b", bytes(range(256)) * 4096)
    artifacts.write("checkpoints/a", b"second")
    assert beside.read("checkpoints/a") == b"second", "the last that was written"
    assert beside.read("checkpoints/b") == bytes(range(256)) * 4096
    assert beside.names("checkpoints") == ["checkpoints/a", "checkpoints/b"]
    beside.delete("checkpoints/a")
    beside.delete("checkpoints/a")
    assert artifacts.names("checkpoints") == ["checkpoints/b"]
    artifacts.check()
    assert artifacts.names("checks") == []


def test_a_write_that_breaks_off_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artifacts = Artifacts(tmp_path)
    artifacts.write("checkpoints/a", b"whole")

    def half(self: object, path: str, data: bytes) -> None:
        Path(path).write_bytes(data[:3])
        raise OSError(28, "No space left on device", path)

    monkeypatch.setattr("fsspec.implementations.local.LocalFileSystem.pipe_file", half)
    with pytest.raises(OSError, match="No space left"):
        artifacts.write("checkpoints/a", b"another")
    assert artifacts.read("checkpoints/a") == b"whole" and len(list((tmp_path / "checkpoints").iterdir())) == 1


def test_an_address_that_cannot_be_used_is_said_in_a_sentence(settings: Settings, there: Path) -> None:
    with pytest.raises(InputError, match="SPARSESCOPE_ARTIFACTS is nope://x: Protocol not known: nope"):
        Artifacts("nope://x")
    assert shown("ftp://us:secret@host/kept") == "ftp://host/kept" and shown("/srv/x") == "/srv/x"

    def artifacts_of(address: str | None) -> tuple[str, str]:
        found = examine(settings.model_copy(update={"artifacts": address}))
        return next((finding.level, finding.sentence) for finding in found if finding.about == "artifacts")

    assert artifacts_of(None) == ("ok", "they lie in the data directory")
    assert artifacts_of("nope://x")[0] == "fail"
    port = free_port()
    with ftp(there, port) as address:
        assert artifacts_of(address) == ("ok", f"ftp://127.0.0.1:{port}/kept can be written to, read and deleted from")
    level, sentence = artifacts_of(address)
    assert level == "fail" and "secret" not in sentence and sentence.count("\n") == 0
    assert sentence.endswith("Connection refused")


def test_a_place_that_goes_away_costs_a_job_its_last_steps_alone(there: Path, database: Database) -> None:
    port, queue, claims = free_port(), Queue(database), Claims(database)
    job = queue.add(PruneRequest.model_validate({"model": "tiny", "task": "for_while"}))
    claims.claim("me")
    with ftp(there, port) as address:
        checkpoints = Checkpoints(Artifacts(address))
        report = Report(claims, job.id, "me", threading.Event(), checkpoints)
        report.save(Snapshot(1, {}, {}))
    report.save(Snapshot(2, {}, {}))
    report.save(Snapshot(3, {}, {}))
    with pytest.raises(ArtifactsAway, match="cannot be read at ftp://127.0.0.1"):
        report.checkpoint()
    with ftp(there, port):
        report.save(Snapshot(4, {}, {}))
        held = report.checkpoint()
        assert held is not None and held.step == 4
    worker = Worker(claims, lambda request, report: "0" * 16, checkpoints, Alive(there / "alive"))
    messages = [line.message for line in queue.log(job.id)]
    worker.tend()  # what it cannot delete it leaves
    assert queue.get(job.id).state == "interrupted", "its worker is not alive, and that was noticed all the same"
    assert [m for m in messages if "artifacts" in m] == [
        "the place of the artifacts does not answer; the job goes on without new checkpoints"
    ]
    assert messages[-2:] == ["checkpoints are written again", "goes on from step 4"]


def test_a_killed_job_goes_on_from_a_checkpoint_on_the_network(tiny_bundle: Path, tmp_path: Path, there: Path) -> None:
    """Its next worker has nothing of the first one's data directory but the store."""
    with ftp(there, free_port()) as address:
        settings = tiny_settings(tiny_bundle, tmp_path / "data", artifacts=address)
        with opened(settings) as (queue, _), Workers(settings) as workers:
            job = queue.add(request(1, n_steps=5000))
            worker = workers.start()
            wait_for(lambda: list((there / "kept" / "checkpoints").glob("*.safetensors")) != [], LONG_S)
            workers.kill(worker)
            assert not (settings.data_dir / "artifacts").exists()
            worker = workers.start()
            wait_for(lambda: (queue.get(job.id).resumed_from_step or 0) > 0, LONG_S)
            queue.stop(job.id)
            wait_for(lambda: queue.get(job.id).state == "done", LONG_S)
            wait_for(lambda: list((there / "kept" / "checkpoints").iterdir()) == [], LONG_S)
            workers.kill(worker)
