"""How values become pages: the template engine, its filters, and whether a request wants a page at all."""

from pathlib import Path

from fastapi import Request
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app import __version__, forms, urls
from app.assets import asset, plotly
from app.modules import modules_of
from app.schemas import PruneSettings
from app.settings import shipped

TEMPLATES = shipped("templates")


def make_templates(folder: Path | None = None) -> Jinja2Templates:
    environment = Environment(
        loader=FileSystemLoader(folder or TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "nats": nats,
        "count": count,
        "percent": percent,
        "visible": visible,
        "script_json": script_json,
    }
    environment.globals |= {
        "urls": urls,
        "version": __version__,
        "prune_defaults": PruneSettings(),
        "modules_of": modules_of,
        "asset": asset,
        "plotly": plotly,
        "forms": forms.summaries,
    }
    return Jinja2Templates(env=environment)


def asks_for_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def wants_page(request: Request) -> bool:
    """A browser that asks for a page or posts a form, not a program that asks for data."""
    return not request.url.path.endswith(".json") and asks_for_page(request)


def nats(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}".replace("-", "−")


def count(value: int | float) -> str:
    return f"{value:,.0f}"


def percent(fraction: float) -> str:
    """One decimal; below 1% two significant digits."""
    value = 100 * fraction
    return f"{value:.2g}%" if 0 < value < 1 else f"{value:.1f}%"


def visible(token: str) -> str:
    """A token whose white space can be seen."""
    return token.replace(" ", "·").replace("\n", "⏎").replace("\t", "→")


def script_json(text: str) -> Markup:
    """JSON that is safe inside a script element."""
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))
