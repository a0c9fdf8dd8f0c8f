"""The app put together: settings in, an ASGI app out. Importing this module does nothing."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.staticfiles import StaticFiles

from app import __version__, errors, urls
from app.access import Access
from app.arrivals import Arrivals
from app.artifacts import Artifacts
from app.assets import FOLDER, Assets, plotly_version
from app.card_parts import CardParts
from app.cards import Cards
from app.catalogue import Catalogue
from app.compare import Comparing
from app.corpus import Corpus
from app.database import Database
from app.experiments import Experiments
from app.exports import Exports
from app.facts import KnownFacts
from app.forks import Forks
from app.guide import DOCS
from app.imports import Imports
from app.kept import Kept
from app.lab import Lab
from app.library import Library
from app.makers import Makers
from app.mean_work import MeanWork
from app.memory import giving_back
from app.metrics import Metrics
from app.middleware import Bounded, Guard
from app.models_away import looking, models_away
from app.node_analyses import NodeAnalyses
from app.node_labels import NodeLabels
from app.pages import make_templates
from app.programs import Programs
from app.prompt_analyses import PromptAnalyses
from app.queue import Queue
from app.reached import ReachedByJobs
from app.routes import (
    ablations,
    annotations,
    cards,
    circuits,
    compare,
    docs,
    embed,
    exports,
    forks,
    frontier,
    gallery,
    guide,
    health,
    home,
    imports,
    jobs,
    models,
    nodes,
    programs,
    prompts,
    sharing,
    sign_in,
    sizes,
    sparsity,
    sweeps,
    tasks,
    trials,
)
from app.seen import Seen
from app.settings import Settings
from app.short_links import ShortLinks
from app.sizes import Sizes
from app.sparsity import Sparsity
from app.store import Store
from app.supervisor import Supervisor
from app.sweeps import Sweeps
from app.tasks import Tasks
from app.trials import Trials
from app.visitor import Visitors
from model.device import share_cores
from model.sparse.warm import warm_in_background

log = logging.getLogger(__name__)

DESCRIPTION = """\
Circuits of weight-sparse transformers: browse, run, cut, prune. Every page has a JSON twin at the same path
with `.json`. Losses are nats, times seconds; a node is written `3.mlp.post_act:117`. Every refusal has one shape:
`{"error": {"status", "message", "request_id"}}`; the same id is in the header `x-request-id` and in the server's log.
Where the server has a token, all that writes needs it: `Authorization: Bearer TOKEN`."""


def create_app(settings: Settings | None = None) -> FastAPI:
    settings = settings or Settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    access = Access(settings)
    artifacts = Artifacts(settings.artifacts_address)
    database = Database(settings.database)
    store, queue = Store(database), Queue(database, settings.jobs_per_visitor, settings.jobs_in_all)
    away = models_away(artifacts, settings.data_dir)
    known = KnownFacts(settings.facts_dir)
    library = Library(settings.model_dirs, settings.device, settings.model_memory_bytes, away, known)
    own = Tasks(database)
    card_parts = CardParts(database)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if library.device.type == "cpu":
            share_cores(access.n_slots)
            warm_in_background()
        database.migrate()
        n_circuits = store.import_bundle(settings.bundle_dir / "circuits")
        if n_circuits:
            log.info("%d circuits taken in from the bundle", n_circuits)
        card_parts.import_bundle(settings.bundle_dir / "cards")
        with giving_back(), Supervisor(settings) as app.state.supervisor, looking(away):
            yield
        database.close()

    app = FastAPI(
        title="Sparsescope", version=__version__, description=DESCRIPTION, lifespan=lifespan,
        docs_url=None, redoc_url=None,  # both load scripts from other hosts
        separate_input_output_schemas=False, responses=errors.ANY_ROUTE,
        dependencies=[Depends(access.admit, scope="function")],  # who reads an answer slowly holds nobody up
    )  # fmt: skip
    app.state.settings = settings
    app.state.access = access
    app.state.database = database
    app.state.metrics = metrics = Metrics(database, library)
    app.state.store = store
    app.state.tasks = own
    app.state.queue = queue
    app.state.reached = ReachedByJobs(queue)
    app.state.makers = Makers(database)
    app.state.short_links = ShortLinks(database, store)
    app.state.catalogue = Catalogue(library, store, own)
    app.state.experiments = experiments = Experiments(store, library, own)
    corpus = Corpus(settings.bundle_dir / "corpus")
    app.state.lab = Lab(experiments, corpus)
    app.state.sweeps = Sweeps(app.state.lab, artifacts, settings.sweep_prompts_at_once)
    app.state.node_analyses = NodeAnalyses(experiments, corpus)
    app.state.node_labels = NodeLabels(experiments, corpus)
    app.state.cards = Cards(experiments, corpus, card_parts, settings.n_measured_pairs)
    app.state.trials = Trials(experiments)
    app.state.sparsity = Sparsity(library)
    app.state.programs = Programs(experiments)
    app.state.prompt_analyses = PromptAnalyses(experiments)
    app.state.forks = Forks(experiments, settings.n_measured_pairs)
    app.state.sizes = Sizes(experiments, settings.n_measured_pairs)
    app.state.comparing = Comparing(experiments)
    app.state.imports = Imports(experiments, settings.data_dir / "staging", settings.n_measured_pairs)
    app.state.means = MeanWork(library, corpus)
    app.state.arrivals = Arrivals(library, settings.data_dir, settings.max_model_bytes)
    app.state.exports = Exports(experiments)
    app.state.library = library
    app.state.templates = make_templates()
    errors.install(app)
    data = (
        models,
        tasks,
        circuits,
        sizes,
        compare,
        nodes,
        prompts,
        cards,
        trials,
        programs,
        sparsity,
        annotations,
        exports,
        imports,
        ablations,
        sweeps,
        jobs,
        gallery,
        sharing,
        forks,
        embed,
        guide,
    )
    # What is asked for most is looked for first.
    pictures = StaticFiles(directory=DOCS / "screenshots", check_dir=False)
    app.mount(f"{urls.GUIDE}/screenshots", pictures, name="screenshots")
    app.mount(urls.STATIC, Assets(directory=FOLDER), name="static")
    app.mount(urls.PLOTLY, Assets(plotly_version, packages=[("plotly", "package_data")]), name="plotly")
    for resource in (home, frontier, *data, sign_in, health, docs):
        app.include_router(resource.router)
    app.add_middleware(Bounded, max_answer_bytes=settings.max_answer_bytes)
    # Three per cent larger than at 9, the usual one, in less than half the time.
    app.add_middleware(GZipMiddleware, minimum_size=1_000, compresslevel=6)
    app.add_middleware(Kept, database=database, library=library, access=access, max_bytes=settings.kept_bytes)
    app.add_middleware(Visitors)
    uploads = {
        urls.MODELS: settings.max_model_bytes,
        **dict.fromkeys((urls.IMPORT, urls.IMPORT_CHECK), settings.max_circuit_bytes),
    }
    app.add_middleware(Guard, max_body_bytes=settings.max_body_bytes, uploads=uploads)
    app.add_middleware(Seen, metrics=metrics)
    return app
