"""What is kept is kept once, under an id that follows from its content, and found again by any later version."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import inspect, text

import tiny
from app.database import Database, _config, driven
from app.errors import Refusal
from app.schemas import CircuitDetail
from app.settings import Settings
from app.store import Store

pytestmark = pytest.mark.both_engines


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database)


@pytest.fixture(scope="session")
def circuit(tiny_bundle: Path) -> CircuitDetail:
    return tiny.make_circuit(tiny_bundle / "models" / tiny.MODEL, every=4)


def test_the_bundle_is_taken_in_once(store: Store, tiny_bundle: Path, circuit_id: str) -> None:
    folder = tiny_bundle / "circuits"
    assert [store.import_bundle(folder) for _ in range(3)] == [1, 0, 0]
    assert [summary.id for summary in store.circuits()] == [circuit_id]
    assert store.circuit_json(circuit_id) == (folder / f"{circuit_id}.json").read_text()


def test_a_bundled_file_that_is_no_circuit_is_left_out(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "b.json").write_text("\x00")
    assert store.import_bundle(tmp_path) == 0
    assert store.import_bundle(tmp_path / "nowhere") == 0


def test_the_first_record_of_a_circuit_stays(store: Store, circuit: CircuitDetail) -> None:
    store.keep_circuit(circuit)
    store.keep_circuit(circuit.model_copy(update={"created_at": circuit.created_at.replace(year=2000)}))
    assert store.circuit(circuit.id) == circuit


def test_lists_by_model_and_task(store: Store, circuit: CircuitDetail, tiny_bundle: Path, circuit_id: str) -> None:
    store.keep_circuit(circuit)
    store.import_bundle(tiny_bundle / "circuits")
    assert [c.id for c in store.circuits()] == [circuit.id, circuit_id], "the smaller one first"
    assert len(store.circuits(model=tiny.MODEL, task=tiny.TASK)) == 2
    assert store.circuits(model="other") == store.circuits(task="other") == []
    assert [c.id for c in store.featured()] == [circuit_id, circuit.id], "those that came with the app first"


def test_an_unknown_circuit_is_refused_with_the_choices(store: Store, circuit: CircuitDetail) -> None:
    store.keep_circuit(circuit)
    with pytest.raises(Refusal, match=f"no circuit 'x'; there are: {circuit.id}"):
        store.circuit("x")


def test_an_existing_database_is_brought_up_to_date_and_keeps_its_records(
    database_url: str, circuit: CircuitDetail
) -> None:
    for _ in range(2):
        database = Database(database_url)
        database.migrate()
        Store(database).keep_circuit(circuit)
        now, newest = database.revisions()
        assert now == newest is not None
        with database.engine.connect() as connection:
            assert connection.exec_driver_sql("select count(*) from circuits").scalar() == 1
            if database.dialect == "sqlite":
                assert connection.exec_driver_sql("pragma journal_mode").scalar() == "wal"
        database.close()


def test_the_tables_are_those_that_the_migrations_make(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from app.tables import Table

    with store.database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, Table.metadata) == []


def test_ids_follow_from_content_alone(circuit: CircuitDetail, tiny_bundle: Path) -> None:
    again = tiny.make_circuit(tiny_bundle / "models" / tiny.MODEL, every=4)
    assert again.id == circuit.id and again.created_at != circuit.created_at
    same = json.loads(again.model_dump_json())
    assert {k: v for k, v in same.items() if k != "created_at"} == {
        k: v for k, v in json.loads(circuit.model_dump_json()).items() if k != "created_at"
    }


def test_writers_take_turns_and_readers_do_not_wait_for_them(database: Database, circuit: CircuitDetail) -> None:
    """Eight threads raise one number: none overwrites what another wrote, since each reads after it has the lock."""
    with database.writing() as session:
        session.execute(text("create table counter (n integer)"))
        session.execute(text("insert into counter values (0)"))

    def raise_it(_: int) -> None:
        with database.writing() as session:
            n = session.scalar(text("select n from counter"))
            with database.reading() as beside:
                assert beside.scalar(text("select n from counter")) == n, "what is not committed is not seen"
            session.execute(text("update counter set n = :n"), {"n": n + 1})

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(raise_it, range(40)))
    with database.reading() as session:
        assert session.scalar(text("select n from counter")) == 40


def test_a_reader_sees_one_moment(database: Database) -> None:
    with database.writing() as session:
        session.execute(text("create table counter (n integer)"))
    with database.reading() as session:
        before = session.scalar(text("select count(*) from counter"))
        with database.writing() as beside:
            beside.execute(text("insert into counter values (1)"))
        assert session.scalar(text("select count(*) from counter")) == before == 0


def test_every_migration_can_be_taken_back(database: Database) -> None:
    with database._writer.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert set(inspect(database.engine).get_table_names()) <= {"alembic_version"}
    database.migrate()


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("postgres://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql://h/d?host=/run/x", "postgresql+psycopg://h/d?host=/run/x"),
        ("postgresql+psycopg://h/d", "postgresql+psycopg://h/d"),
        ("sqlite:////tmp/x.db", "sqlite:////tmp/x.db"),
    ],
)
def test_addresses_as_hosts_hand_them_out(given: str, taken: str) -> None:
    assert driven(given) == taken


def test_the_database_is_named_by_either_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert Settings(data_dir=tmp_path).database.startswith("sqlite:///")
    monkeypatch.setenv("DATABASE_URL", "postgres://h/general")
    assert Settings(data_dir=tmp_path).database == "postgres://h/general"
    monkeypatch.setenv("SPARSESCOPE_DATABASE_URL", "postgres://h/own")
    assert Settings(data_dir=tmp_path).database == "postgres://h/own"
    assert Settings(data_dir=tmp_path, database_url="postgres://h/said").database == "postgres://h/said"
