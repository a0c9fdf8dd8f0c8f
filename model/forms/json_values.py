"""JSON that a stranger gave: parsed within bounds, and each value told from what it should have been."""

import json
import math
from typing import Any

from model.errors import InputError

MOST_BYTES = 16_000_000
#: Python's parser gives up at about a thousand; no form of ours is deeper than ten.
DEEPEST = 64
MOST_ITEMS = 1_000_000


def parse(raw: bytes | str, what: str = "the file") -> Any:
    """The value of a JSON text. Raises InputError where it is none, too large, too deep, or has a key twice."""
    if len(raw) > MOST_BYTES:
        raise InputError(f"{what} has {len(raw):,} bytes; at most {MOST_BYTES:,} of JSON are read")
    if isinstance(raw, bytes):
        try:
            raw = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise InputError(f"{what} is not text in UTF-8, so it is not JSON") from None
    if depth_of(raw) > DEEPEST:
        raise InputError(f"{what} nests more than {DEEPEST} levels deep; no form that is read here does")
    try:
        return json.loads(raw, parse_constant=_refuse_constant, object_pairs_hook=_once, parse_int=_whole)
    except json.JSONDecodeError as error:
        raise InputError(f"{what} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise InputError(f"{what} nests too deep to be read") from None


def depth_of(text: str) -> int:
    """How deep brackets nest outside strings, in one pass."""
    depth = deepest = 0
    inside = skip = False
    for sign in text:
        if skip:
            skip = False
        elif inside:
            skip = sign == "\\"
            inside = sign != '"'
        elif sign == '"':
            inside = True
        elif sign in "[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > DEEPEST:
                return deepest
        elif sign in "]}":
            depth -= 1
    return deepest


def _refuse_constant(name: str) -> float:
    raise InputError(f"the file holds {name}, which is no number in JSON")


def _whole(text: str) -> int:
    if len(text) > 20:
        raise InputError(f"the file holds a number of {len(text):,} digits")
    return int(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise InputError(f"the key {short(next(n for n in names if names.count(n) > 1))} stands twice in one object")
    return found


def short(value: object, most: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def object_of(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{what} is {_kind(value)}; it must be an object")
    return value


def items_of(value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"{what} is {_kind(value)}; it must be a list")
    if len(value) > MOST_ITEMS:
        raise InputError(f"{what} has {len(value):,} items; at most {MOST_ITEMS:,} are read")
    return value


def text_of(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"{what} is {_kind(value)}; it must be text")
    return value


def whole_of(value: object, what: str) -> int:
    """A whole number of zero or more."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InputError(f"{what} is {_kind(value)}; it must be a whole number of zero or more")
    return value


def number_of(value: object, what: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise InputError(f"{what} is {_kind(value)}; it must be a finite number")
    return float(value)


def _kind(value: object) -> str:
    if value is None:
        return "missing"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return short(value)
