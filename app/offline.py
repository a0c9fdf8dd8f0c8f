"""A circuit's page in one file that needs no server and no network: what the page would ask for is recorded in it.

1. The page is made as a request would make it; its styles and scripts are laid inside, modules under an import map.
2. What its scripts would fetch (nodes, single cuts, sweeps) is measured now and answered from a table.
3. A policy in the file forbids it to reach anything else; what was not recorded is refused in a sentence.
"""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from app import __version__, urls
from app.card_parts import CardParts
from app.cards import Cards
from app.catalogue import Catalogue
from app.circuit_page import TEMPLATE, circuit_page
from app.compare import Comparing
from app.corpus import Corpus
from app.experiments import Experiments
from app.forks import Forks
from app.lab import Lab
from app.modules import modules_of
from app.pages import make_templates
from app.plotly_file import plotly_source
from app.schemas import AblationRequest, CircuitDetail
from app.schemas.lab import Sweep, SweepRequest
from app.settings import STATIC_FOLDER

#: How many nodes are recorded one by one, the strongest first; a page of more would take minutes to write.
MOST_NODES, N_PAIRS = 120, 64
SCRIPTS = ("explorer.js", "curve_page.js", "chrome.js")
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' data:; style-src 'unsafe-inline'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)


class Offline:
    """Pages of stored circuits as files."""

    def __init__(self, experiments: Experiments) -> None:
        self.experiments, self.store = experiments, experiments.store
        nothing = Corpus(Path("/nonexistent"))  # cuts inside a circuit read no text
        self.lab = Lab(experiments, nothing)
        self.cards = Cards(experiments, nothing, CardParts(self.store.database), N_PAIRS)
        self.catalogue = Catalogue(experiments.library, self.store, experiments.tasks)
        self.templates = make_templates()

    def html(self, circuit_id: str) -> str:
        """Raises a Refusal where there is no such circuit, or its model is not here as it was."""
        subject, record, _ = self.experiments.circuit(circuit_id)
        del subject
        swept = [self.lab.swept(circuit_id, SweepRequest(mode=mode, n_pairs=N_PAIRS)) for mode in ("mean", "zero")]
        recorded = dict(self._recorded(record, swept))
        page = self._page(record, swept[0], self._kept(circuit_id))
        return _inlined(page, recorded)

    def _page(self, record: CircuitDetail, swept: Sweep, kept: list[Any]) -> str:
        """The circuit's page as the server makes it, with the recorded ablations as tables."""
        state = SimpleNamespace(access=SimpleNamespace(asks=False))  # a file asks nobody to sign in
        at = SimpleNamespace(path=urls.circuit(record.id))
        request = SimpleNamespace(url=at, base_url="", app=SimpleNamespace(state=state))  # nobody previews a file
        context = circuit_page(
            record, store=self.store, catalogue=self.catalogue, comparing=Comparing(self.experiments),
            cards=self.cards, forks=Forks(self.experiments, record.measures.circuit.n_pairs),
        )  # fmt: skip
        alone: dict[str, Any] = {"revisions": [], "tour": None}  # nothing to open them at
        page = self.templates.env.get_template(TEMPLATE).render({"request": request} | context | alone)
        tables = self.templates.env.get_template("offline.html").render(
            circuit=record, card=context["card"], swept=swept, kept=kept, n_recorded=min(MOST_NODES, record.n_nodes)
        )
        before = '<section class="section" aria-labelledby="compare">'
        return page.replace(before, f"{tables}\n  {before}", 1)

    def _kept(self, circuit_id: str) -> list[Any]:
        return [self.store.ablation(found) for found in self.store.ablations_of(circuit_id)]

    def _recorded(self, record: CircuitDetail, swept: list[Sweep]) -> Iterator[tuple[str, object]]:
        """What the scripts may ask for, by method and path; cuts by what is cut and how."""
        yield "GET /healthz", {"status": "ok", "version": __version__}
        for sweep in swept:
            yield f"SWEEP {sweep.mode}", sweep.model_dump(mode="json")
        strongest = sorted(record.nodes, key=lambda node: -abs(node.effect_nats))[:MOST_NODES]
        details = self.experiments.nodes(record.id, [node.id for node in strongest])
        for node, detail in zip(strongest, details, strict=True):
            yield f"GET {urls.circuit(record.id)}/nodes/{node.id}.json", detail.model_dump(mode="json")
            request = AblationRequest.model_validate(
                {"target": {"kind": "circuit", "circuit": record.id}, "nodes": [node.id], "mode": "mean",
                 "n_pairs": N_PAIRS, "seed": 0}
            )  # fmt: skip
            yield f"CUT mean {node.id}", self.lab.measured(self.lab.plan(request)).model_dump(mode="json")


# -- one file --------------------------------------------------------------------------------


def _inlined(page: str, recorded: dict[str, object]) -> str:
    """The page with all that it names laid inside, and nothing that leads away."""

    def style(match: re.Match[str]) -> str:
        return f"<style>\n{(STATIC_FOLDER / match[1]).read_text()}</style>"

    page = re.sub(r'<link rel="stylesheet" href="/static/~\w+/([\w/.]+)">', style, page)
    icon = base64.b64encode((STATIC_FOLDER / "icon.svg").read_bytes()).decode()
    page = re.sub(r'<link rel="icon"[^>]*>', f'<link rel="icon" href="data:image/svg+xml;base64,{icon}">', page)
    page = re.sub(r'\s*<link rel="(?:preload|modulepreload)"[^>]*>', "", page)
    page = re.sub(r'\s*<meta name="plotly"[^>]*>', "", page)
    page = re.sub(r'\s*<script type="module" src="[^"]*"></script>', "", page)
    page = re.sub(r' href="/[^"#]*/card#', ' href="#', page)  # the card is in this page
    page = re.sub(r' href="/(?!/)[^"]*"', "", page)
    page = re.sub(r' action="/[^"]*"', "", page)
    boot = (STATIC_FOLDER / "boot.js").read_text()
    started = "\n".join(f'import "sparsescope/{name}";' for name in SCRIPTS)
    head = "\n".join(
        [
            f"<style>{_HIDDEN}</style>",
            _script(f"window.recorded = {_json(recorded)};\n{(STATIC_FOLDER / 'saved_page.js').read_text()}"),
            _script(boot),
            _script(plotly_source()),
            f'<script type="importmap">{_json({"imports": _modules()})}</script>',
            f'<script type="module">\n{started}\n</script>',
        ]
    )
    page = re.sub(r'<script src="[^"]*boot\.js"></script>', lambda _: head, page, count=1)
    policy = f'<meta charset="utf-8">\n  <meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    return page.replace('<meta charset="utf-8">', policy, 1)


def _modules() -> dict[str, str]:
    """Every module under a bare name as a data URL: a relative import has nothing to be relative to there."""
    names = dict.fromkeys(name for entry in SCRIPTS for name in (entry, *modules_of(entry)))
    found = {}
    for name in names:
        source = (STATIC_FOLDER / name).read_text()
        source = re.sub(
            r"""(\bfrom\s*|^import\s*)(["'])\./([\w.]+)\2""", r'\1"sparsescope/\3"', source, flags=re.MULTILINE
        )
        packed = base64.b64encode(source.encode()).decode()
        found[f"sparsescope/{name}"] = f"data:text/javascript;charset=utf-8;base64,{packed}"
    return found


def _script(source: str) -> str:
    """A script of the page itself; nothing in it can close it."""
    return "<script>" + source.replace("</script", "<\\/script").replace("<!--", "<\\!--") + "</script>"


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


_HIDDEN = """
#tab-prompt, #tab-size, #tab-prune, #tab-notes, #share, #export-menu, .compare-form, .site-header nav,
[aria-labelledby="compare"], #tour-offer { display: none !important; }
a:not([href]), a:not([href]):hover { color: inherit; text-decoration: none; cursor: auto; }
a.button:not([href]) { display: none; }
"""
