"""The database: one engine, its migrations, and the two kinds of transaction (reading and writing)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from app.revision import Writing, count_change

MIGRATIONS = Path(__file__).resolve().parent / "migrations"

#: The one lock that writers on PostgreSQL take in turn; any number that no other program of the database uses.
_WRITE_LOCK = 5_031_724_811

#: Requests are served by forty threads, and a worker reports beside them.
_POOL = {"pool_size": 10, "max_overflow": 40}


class Database:
    """Sessions on one URL, of SQLite or PostgreSQL. Readers see one moment and never wait; writers take turns."""

    def __init__(self, url: str) -> None:
        url = driven(url)
        if url.startswith("postgresql"):
            self.engine = create_engine(url, pool_pre_ping=True, **_POOL)
        else:
            self.engine = create_engine(url, **({} if ":memory:" in url else _POOL))
        self._writer = self.engine.execution_options(sparsescope_write=True)
        self._reader = self.engine
        if self.dialect == "sqlite":
            event.listen(self.engine, "connect", _configure_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        else:
            # What a writer reads after it has the lock must be what others wrote before, so only readers keep one view.
            self._reader = self.engine.execution_options(isolation_level="REPEATABLE READ")
            event.listen(self.engine, "begin", _begin_postgresql)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    def migrate(self) -> None:
        """Bring the tables to their present form, from nothing or from any earlier form."""
        with self._writer.begin() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def revisions(self) -> tuple[str | None, str | None]:
        """The migration that the tables are at, and the newest one that there is."""
        with self._reader.connect() as connection:
            now = MigrationContext.configure(connection).get_current_revision()
        return now, ScriptDirectory.from_config(_config()).get_current_head()

    def ping(self) -> None:
        """Ask something; raises what SQLAlchemy raises when the database does not answer."""
        with self._reader.connect() as connection:
            connection.execute(text("SELECT 1"))

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with Session(self._reader) as session:
            yield session

    @contextmanager
    def asking(self) -> Iterator[Connection]:
        """Reading without records, for a question that every request asks."""
        with self._reader.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that holds the write lock from its start, so that what it reads stays true until it commits."""
        with Writing(self._writer, expire_on_commit=False) as session, session.begin():
            yield session
            count_change(session)

    def close(self) -> None:
        self.engine.dispose()


def driven(url: str) -> str:
    """The URL as SQLAlchemy takes it: `postgres://` and `postgresql://`, as hosts hand them out, are psycopg's."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if separator and scheme in ("postgres", "postgresql") else url


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _configure_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver
    for pragma in ("journal_mode=WAL", "busy_timeout=10000", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _writes(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get("sparsescope_write", False))


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if _writes(connection) else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    if _writes(connection):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITE_LOCK})")
