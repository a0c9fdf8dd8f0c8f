"""What a page's script imports, so that the page can ask for all of it at once and not one import after another."""

import re
from functools import cache
from pathlib import Path

from app.settings import STATIC_FOLDER

_IMPORT = re.compile(r"""^(?:import|export)\b[^"';]*["']\./([\w.]+)["']""", re.MULTILINE)


@cache
def modules_of(entry: str, folder: Path = STATIC_FOLDER) -> tuple[str, ...]:
    """The modules of `static/` that `entry` imports, directly or not, nearest first; `entry` itself is left out."""
    found = [entry]
    for name in found:
        path = folder / name
        imports = _IMPORT.findall(path.read_text()) if path.is_file() else []
        found += [other for other in dict.fromkeys(imports) if other not in found]
    return tuple(found[1:])
