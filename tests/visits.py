"""What visitors of the site ask for, page by page as a browser does: shared by the load and by the soak."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

_LOADED = re.compile(r'(?:src|href)="(/static/[^"]+|/vendor/[^"]+)"')


@dataclass(frozen=True)
class Ask:
    """One request; `name` is what figures are gathered under."""

    name: str
    path: str
    method: str = "GET"
    body: dict[str, Any] | None = None
    page: bool = False

    @property
    def headers(self) -> dict[str, str]:
        return {"accept": "text/html" if self.page else "application/json"}


@dataclass
class Site:
    """What there is to visit, read once from a server: models, and circuits with their nodes."""

    models: list[str]
    circuits: dict[str, list[str]]
    files: dict[str, list[str]] = field(default_factory=dict)
    pruned: tuple[str, str] = ("", "")  # the model and the task of jobs that run meanwhile

    @classmethod
    def of(cls, url: str) -> "Site":
        with httpx.Client(base_url=url, timeout=120) as client:
            sizes = {model["name"]: model["n_nonzero"] for model in client.get("/models.json").json()}
            found = client.get("/circuits.json").json()
            circuits = {
                c["id"]: [node["id"] for node in client.get(f"/circuits/{c['id']}.json").json()["nodes"]] for c in found
            }
            least = min(found, key=lambda c: (sizes[c["model"]], c["id"]))
            site = cls(list(sizes), circuits, pruned=(least["model"], least["task"]))
            for page in ("/", f"/circuits/{found[0]['id']}"):
                text = client.get(page, headers={"accept": "text/html"}).text
                site.files[page.split("/")[1]] = list(dict.fromkeys(_LOADED.findall(text)))
        return site


def visit(site: Site, choice: random.Random) -> Iterator[Ask]:
    """One visitor, from the home page to a cut; files are fetched once, as a browser that keeps them does."""
    yield Ask("home page", "/", page=True)
    yield from (Ask("script, style, picture", path) for path in site.files[""])
    seen = set(site.files[""])
    while True:
        yield Ask("list of models", "/models.json")
        yield Ask("model page", f"/models/{choice.choice(site.models)}", page=True)
        yield Ask("list of circuits", "/circuits", page=True)
        for _ in range(choice.randint(1, 3)):
            circuit = choice.choice(list(site.circuits))
            yield Ask("circuit page", f"/circuits/{circuit}", page=True)
            yield from (Ask("script, style, picture", path) for path in site.files["circuits"] if path not in seen)
            seen.update(site.files["circuits"])
            yield Ask("circuit JSON", f"/circuits/{circuit}.json")
            for node in choice.choices(site.circuits[circuit], k=choice.randint(1, 3)):
                yield Ask("node panel", f"/circuits/{circuit}/nodes/{node}.json")
            if choice.random() < 0.3:
                nodes = choice.sample(site.circuits[circuit], k=min(2, len(site.circuits[circuit])))
                cut = {"target": {"kind": "circuit", "circuit": circuit}, "nodes": nodes, "mode": "mean"}
                yield Ask("cut", "/ablations", "POST", cut)
        yield Ask("home page", "/", page=True)


def prune(site: Site, seed: int, n_steps: int) -> dict[str, Any]:
    """The body of a job that no other visitor's joins."""
    model, task = site.pruned
    settings = {"n_steps": n_steps, "pairs_per_step": 8, "seed": seed, "greedy": False, "cut_edges": False}
    return {"model": model, "task": task, "settings": settings}
