"""What is wrong with an installation: one finding a question, each with a sentence and, where it helps, what to do."""

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from app.access import check_settings, is_local
from app.artifacts import Artifacts
from app.database import Database
from app.health import readiness
from app.library import Library
from app.settings import Settings
from model.errors import InputError

LEAST_FREE_BYTES = 2 * 10**9


class Finding(NamedTuple):
    level: Literal["ok", "warn", "fail"]
    about: str
    sentence: str
    todo: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Every finding, worst things not first but causes before effects. A question that breaks is a finding itself."""
    questions: list[Callable[[Settings], Iterator[Finding]]] = [
        _python, _access, _data_dir, _database, _artifacts, _bundle, _own_models, _device, _port
    ]  # fmt: skip
    for question in questions:
        try:
            yield from question(settings)
        except Exception as error:
            yield Finding("fail", question.__name__.strip("_"), f"this could not be examined: {error!r}")


def _python(_settings: Settings) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("ok", "python", f"Python {version}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        yield Finding("warn", "user", "this runs as root", "run the server as a user of its own")


def _access(settings: Settings) -> Iterator[Finding]:
    try:
        check_settings(settings)
    except InputError as error:
        yield Finding(
            "fail", "access", str(error), "python -c 'import secrets; print(secrets.token_urlsafe())' makes one"
        )
        return
    if settings.read_only:
        yield Finding("ok", "access", "read-only: everybody may read and compute, nobody may write")
    elif settings.token is not None:
        yield Finding("ok", "access", "everybody may read and compute; whoever has the token may write")
    else:
        yield Finding("ok", "access", f"no token, and none is needed on {settings.host}")


def _data_dir(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    existing = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        yield Finding(
            "fail", "data", f"nothing can be written to {existing}: {error.strerror}",
            "give the server's user that folder, or set SPARSESCOPE_DATA_DIR",
        )  # fmt: skip
        return
    free = shutil.disk_usage(existing).free
    if free < LEAST_FREE_BYTES:
        yield Finding("warn", "data", f"{existing} has {free / 1e9:.1f} GB free", "make room, or jobs will fail")
    else:
        yield Finding("ok", "data", f"{existing} can be written to and has {free / 1e9:.0f} GB free")


def _database(settings: Settings) -> Iterator[Finding]:
    url = settings.database
    if url.startswith("sqlite") and not (settings.data_dir / "sparsescope.db").exists() and not settings.database_url:
        yield Finding("ok", "database", "none yet; SQLite is made in the data directory at the first start")
        return
    database = Database(url)
    try:
        kind = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(database.dialect, database.dialect)
        database.ping()
        yield Finding("ok", "database", f"{kind} answers")
        now, newest = database.revisions()
        if now != newest:
            yield Finding(
                "warn", "tables", f"they are at {now}, the newest is {newest}", "the next start brings them up"
            )
            return
        yield Finding("ok", "tables", f"they are at {newest}, the newest")
        worker = readiness(database).checks[-1]
        if worker.ok:
            yield Finding("ok", "worker", worker.message)
        else:
            yield Finding("warn", "worker", worker.message, "jobs wait until `sparsescope serve` or a worker runs")
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", error)).strip().splitlines()[0]
        yield Finding(
            "fail", "database", f"it does not answer: {cause}", "check DATABASE_URL and that the database runs"
        )
    finally:
        database.close()


def _artifacts(settings: Settings) -> Iterator[Finding]:
    if settings.artifacts is None:
        yield Finding("ok", "artifacts", "they lie in the data directory")
        return
    todo = "check SPARSESCOPE_ARTIFACTS and the credentials that its filesystem reads"
    try:
        artifacts = Artifacts(settings.artifacts_address)
        artifacts.check()
        yield Finding("ok", "artifacts", f"{artifacts.shown} can be written to, read and deleted from")
    except (InputError, OSError) as error:
        yield Finding("fail", "artifacts", str(error), todo)


def _bundle(settings: Settings) -> Iterator[Finding]:
    models = Library([settings.bundle_dir / "models"], "cpu").names()
    n_circuits = len(list((settings.bundle_dir / "circuits").glob("*.json")))
    if models:
        yield Finding("ok", "bundle", f"{len(models)} models and {n_circuits} circuits come with the app")
    else:
        todo = "check out the whole repository, or set SPARSESCOPE_BUNDLE_DIR"
        yield Finding("warn", "bundle", f"no models in {settings.bundle_dir}", todo)


def _own_models(settings: Settings) -> Iterator[Finding]:
    library = Library([settings.data_dir / "models"], "cpu")
    for name in library.names():
        try:
            library.subject(name)
            yield Finding("ok", "model", f"{name} can be loaded")
        except (InputError, OSError) as error:
            yield Finding("fail", "model", f"{name} cannot be loaded: {error}", f"mend or remove its folder, {name}")


def _device(settings: Settings) -> Iterator[Finding]:
    try:
        device = Library([], settings.device).device
    except InputError as error:
        yield Finding("fail", "device", str(error), "set SPARSESCOPE_DEVICE=auto, or install torch with CUDA")
        return
    yield Finding("ok", "device", f"models run on {device}")


def _port(settings: Settings) -> Iterator[Finding]:
    if settings.port == 0:
        return
    host = settings.host if is_local(settings.host) else "127.0.0.1"
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.settimeout(2)
        taken = probe.connect_ex((host, settings.port)) == 0
    if taken:
        yield Finding(
            "warn", "port", f"something answers on {settings.port} already", "stop it, or set SPARSESCOPE_PORT"
        )
    else:
        yield Finding("ok", "port", f"{settings.port} is free")
