"""What commands share: settings from what was given, the parts of the app without a server, errors as sentences."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from app.settings import Settings

if TYPE_CHECKING:
    from app.experiments import Experiments


def settings_of(**given: Any) -> Settings:
    """What was given; the rest comes from the environment, SPARSESCOPE_HOST and so on."""
    return Settings(**{name: value for name, value in given.items() if value is not None})


@contextmanager
def experiments_of(settings: Settings) -> Iterator["Experiments"]:
    """The circuits of the bundle and of the data directory with their models and tasks."""
    from app.database import Database
    from app.experiments import Experiments
    from app.library import Library
    from app.store import Store
    from app.tasks import Tasks

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    database.migrate()
    try:
        store = Store(database)
        store.import_bundle(settings.bundle_dir / "circuits")
        yield Experiments(store, Library(settings.model_dirs, settings.device), Tasks(database))
    finally:
        database.close()


@contextmanager
def sentences() -> Iterator[None]:
    """What can be wrong with what a person gave, as one sentence and no traceback."""
    from pydantic import ValidationError

    from app.errors import Refusal, sentence
    from model.errors import InputError
    from model.tasks.custom import PairFaults

    try:
        yield
    except PairFaults as error:
        raise typer.BadParameter("\n".join(error.faults)) from None
    except (InputError, Refusal) as error:
        raise typer.BadParameter(str(error)) from None
    except ValidationError as error:
        raise typer.BadParameter(sentence(error.errors())) from None
