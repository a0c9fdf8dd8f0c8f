"""The command line: serve the app, prune and score without it, print its OpenAPI document."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands import ablate, cards, doctor, forms, train
from app.commands.context import sentences, settings_of
from app.commands.work import work
from app.settings import Settings

if TYPE_CHECKING:
    from app.tasks import Tasks

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Circuits of weight-sparse transformers.")

DataDir = Annotated[Path | None, typer.Option(help="own models, the database")]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda")]
ModelName = Annotated[str, typer.Argument(help="a model of the bundle, or a folder in DATA_DIR/models")]


@contextmanager
def _tasks(settings: Settings) -> Iterator["Tasks"]:
    """All tasks, those of one's own in the database of the data directory too."""
    from app.database import Database
    from app.tasks import Tasks

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    database.migrate()
    try:
        yield Tasks(database)
    finally:
        database.close()


@app.command("serve")
def serve_app(
    host: Annotated[str | None, typer.Option(help="address to listen on")] = None,
    port: Annotated[int | None, typer.Option(help="port to listen on")] = None,
    data_dir: DataDir = None,
    device: Device = None,
    processes: Annotated[int | None, typer.Option(help="that answer requests, each with models of its own")] = None,
) -> None:
    """Serve the app. What is not given comes from the environment, SPARSESCOPE_HOST and so on."""
    from app.logs import log_as
    from app.web import serve

    log_as(Settings().log)
    with sentences():
        serve(settings_of(host=host, port=port, data_dir=data_dir, device=device, processes=processes))


app.command()(work)


@app.command()
def prune(
    model: ModelName,
    task: Annotated[str, typer.Argument(help="a task, as /tasks names it, or a file of prompt pairs, PAIRS.json")],
    out: Annotated[Path, typer.Option(help="folder to write the circuit to")] = Path("."),
    n_steps: Annotated[int | None, typer.Option(help="gradient steps")] = None,
    target_loss_nats: Annotated[float | None, typer.Option(help="as small a circuit as this loss allows")] = None,
    k_coef: Annotated[float | None, typer.Option(help="penalty for a kept node, nats")] = None,
    lr: Annotated[float | None, typer.Option(help="learning rate")] = None,
    seed: int | None = None,
    data_dir: DataDir = None,
    device: Device = None,
) -> None:
    """Prune a model to the circuit of a task, as the page does, and write it as JSON."""
    from tqdm import tqdm

    from app.library import Library
    from app.pruning import prune_to_record
    from app.schemas import PruneSettings, StepEvent

    settings = settings_of(data_dir=data_dir, device=device)
    given = {
        "n_steps": n_steps, "target_loss_nats": target_loss_nats, "k_coef": k_coef, "lr": lr, "seed": seed
    }  # fmt: skip
    with sentences():
        wanted = PruneSettings(**{name: value for name, value in given.items() if value is not None})
        subject = Library(settings.model_dirs, settings.device).subject(model)
        with _tasks(settings) as tasks:
            found = tasks.find_or_read(task, subject)
        with tqdm(total=wanted.n_steps, unit="step") as bar:

            def show(step: StepEvent) -> None:
                bar.update(step.step - bar.n)
                bar.set_postfix_str(f"{step.phase}, {step.loss_nats:.3f} nats, {step.n_nodes:,} nodes")

            circuit = prune_to_record(subject, found, wanted, n_pairs=settings.n_measured_pairs, on_step=show)
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{circuit.id}.json"
    path.write_text(circuit.model_dump_json(indent=1) + "\n")
    loss = circuit.loss_nats
    print(f"{path}: {circuit.n_nodes} nodes, {circuit.n_edges} edges, held-out loss {loss.value:.3f} nats")


@app.command()
def search(
    model: ModelName,
    tasks: Annotated[list[str], typer.Argument(help="tasks, as /tasks names them, or `solved`: all that it solves")],
    out: Annotated[Path, typer.Option(help="folder to write the circuits to")] = Path("."),
    n_trials: Annotated[int, typer.Option(help="runs of pruning for each task", min=1)] = 12,
    n_steps: Annotated[int | None, typer.Option(help="gradient steps of a run")] = None,
    target_loss_nats: Annotated[float | None, typer.Option(help="as small a circuit as this loss allows")] = None,
    seed: int | None = None,
    data_dir: DataDir = None,
    device: Device = None,
) -> None:
    """Search the settings of pruning for each task, and write the best circuit of each as JSON."""
    from app.library import Library
    from app.pruning import search_to_record
    from app.schemas import PruneSettings
    from model.search import Trial

    settings = settings_of(data_dir=data_dir, device=device)
    given = {"n_steps": n_steps, "target_loss_nats": target_loss_nats, "seed": seed}
    with sentences():
        wanted = PruneSettings(**{name: value for name, value in given.items() if value is not None})
        library = Library(settings.model_dirs, settings.device)
        subject = library.subject(model)
        if tasks == ["solved"]:
            scored = library.shelf(model).card.get("tasks", {})
            tasks = [name for name, measure in scored.items() if measure["loss_nats"]["value"] <= 0.15]
        with _tasks(settings) as known:
            found = [known.find_or_read(task, subject) for task in tasks]
        out.mkdir(parents=True, exist_ok=True)
        for task in found:

            def show(number: int, trial: Trial, name: str = task.name) -> None:
                print(f"{name} {number}/{n_trials}: {trial.n_nodes} nodes, {trial.n_edges} edges", flush=True)

            circuit = search_to_record(
                subject, task, wanted, n_trials=n_trials, n_pairs=settings.n_measured_pairs, on_trial=show
            )
            path = out / f"{circuit.id}.json"
            path.write_text(circuit.model_dump_json(indent=1) + "\n")
            loss = circuit.loss_nats.value
            print(f"{path}: {circuit.n_nodes} nodes, {circuit.n_edges} edges, held-out {loss:.3f} nats", flush=True)


@app.command()
def science(
    readme: Annotated[Path | None, typer.Option(help="a README to write the tables into, between its marks")] = None,
    n_pairs: Annotated[int, typer.Option(help="held-out pairs of each task", min=2, max=512)] = 256,
    device: Device = None,
) -> None:
    """Measure every bundled model and circuit again, and print the tables."""
    from app.library import Library
    from app.marks import write_between
    from app.science import MARKS, figures, read_circuits, report

    settings = settings_of(device=device)
    with sentences():
        library = Library([settings.bundle_dir / "models"], settings.device)
        circuits = read_circuits(settings.bundle_dir / "circuits")
        lines = list(report([figures(library, name, circuits, n_pairs) for name in library.names()], n_pairs))
        print("\n".join(lines))
        if readme is not None:
            write_between(readme, *MARKS, lines)


@app.command()
def score(
    model: ModelName,
    n_pairs: Annotated[int, typer.Option(help="held-out pairs of each task", min=2, max=512)] = 256,
    corpus: Annotated[
        Path | None, typer.Option(help="folder of its corpus, to put corpus.json with licences in")
    ] = None,
    data_dir: DataDir = None,
    device: Device = None,
) -> None:
    """Measure a model on every task and write that to its card."""
    from app.library import Library
    from app.schemas import Measure
    from app.scoring import scores, write_scores
    from model.corpus.licences import write_corpus_record

    settings = settings_of(data_dir=data_dir, device=device)
    with sentences():
        library = Library(settings.model_dirs, settings.device)
        subject = library.subject(model)
        measures: dict[str, Measure] = {}
        for name, result in scores(subject, n_pairs):
            if isinstance(result, Measure):
                measures[name] = result
                print(f"{name:28} {result.loss_nats.value:.3f} nats, {result.accuracy.value:.1%} right")
            else:
                print(f"{name:28} left out: {result}")
        write_scores(library.shelf(model), measures)
        if corpus is not None:
            write_corpus_record(corpus, library.shelf(model).folder)


@app.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    import json
    import tempfile

    from app.main import create_app

    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(create_app(Settings(data_dir=Path(folder))).openapi(), indent=1, sort_keys=True))


app.command()(forms.export)
app.command("import")(forms.import_)
app.command()(forms.add)
app.command()(cards.card)
app.command()(doctor.doctor)
app.command()(ablate.ablate)
app.command(context_settings=train.PASSED_ON)(train.train)


if __name__ == "__main__":
    app()
