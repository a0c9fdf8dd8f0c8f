"""What is kept is kept once, under an id that follows from its content, and found again by any later version."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

import tiny
from app.database import Database
from app.errors import Refusal
from app.schemas import CircuitDetail
from app.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    database = Database(f"sqlite:///{tmp_path}/store.db")
    database.migrate()
    yield Store(database)
    database.close()


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
    tmp_path: Path, circuit: CircuitDetail
) -> None:
    url = f"sqlite:///{tmp_path}/old.db"
    for _ in range(2):
        database = Database(url)
        database.migrate()
        Store(database).keep_circuit(circuit)
        database.close()
    connection = sqlite3.connect(tmp_path / "old.db")
    assert connection.execute("select count(*) from circuits").fetchone() == (1,)
    assert connection.execute("pragma journal_mode").fetchone() == ("wal",)
    connection.close()


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
