"""The plotting library's text, from the package that ships it."""

from functools import cache
from importlib.resources import files


@cache
def plotly_source() -> str:
    return (files("plotly") / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
