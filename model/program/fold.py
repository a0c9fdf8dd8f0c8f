"""Changes to a plan that make it simpler: a value that hardly moves becomes a constant, a pattern an average."""

from collections.abc import Iterator
from dataclasses import replace

from model.program.steps import Contest, Linear, Move, Pattern, Product, RowSum, Share, Step, Write

Steps = tuple[Step, ...]


def contested(steps: Steps) -> set[str]:
    """Values under AbsTopK, or that its rivals are computed from: these stay as they are."""
    return {
        name for step in steps if isinstance(step, Contest) for name in (*step.names, *step.rivals.inputs)
    }  # fmt: skip


def fold(steps: Steps, name: str, value: float) -> Steps:
    """`name` as the constant `value` in all that reads it; its own step goes."""
    out: list[Step] = []
    scaled: dict[str, float] = {}
    for step in steps:
        match step:
            case Linear() | Share() | RowSum() if step.name == name:
                continue
            case Linear(terms=terms):
                factors = [replace(t, weight=t.weight * scaled.get(t.name, 1.0)) for t in terms]
                added = sum(t.weight * value for t in factors if t.name == name)
                left = tuple(t for t in factors if t.name != name)
                out.append(replace(step, terms=left, constant=step.constant + added))
            case Pattern(products=products) | Share(products=products):
                left_products, added = _folded(products, name, value)
                constant = step.constant + added
                if isinstance(step, Pattern) and step.sink is None:
                    left_products, constant = tuple(p for p in left_products if p.key), 0.0
                out.append(replace(step, products=left_products, constant=constant))
            case Move(share=share) if share == name:
                scaled[step.name] = value
                out.append(replace(step, share=None))
            case _:
                out.append(step)
    return tuple(out)


def _folded(products: tuple[Product, ...], name: str, value: float) -> tuple[tuple[Product, ...], float]:
    """Products without `name`; those that then meet the same key become one."""
    constant, others = 0.0, []
    by_key: dict[str, float] = {}
    for p in products:
        if p.query == name:
            p = replace(p, weight=p.weight * value, query=None)
        if p.query is None and p.key is None:
            constant += p.weight
        elif p.query is None and p.key is not None:
            by_key[p.key] = by_key.get(p.key, 0.0) + p.weight
        else:
            others.append(p)
    return (*others, *(Product(weight, None, key) for key, weight in by_key.items())), constant


def averaged(steps: Steps, pattern: str, score: float) -> Steps:
    """A head as an average of its values; with a sink, of which a share is left as if all keys scored `score`."""
    out: list[Step] = []
    share = f"s{pattern[1:]}"
    for step in steps:
        match step:
            case Pattern() if step.name == pattern:
                if step.sink is not None:
                    out.append(Share(share, step.layer, step.head, (), score, step.sink))
            case Move() if step.pattern == pattern:
                has_sink = any(isinstance(s, Share) and s.name == share for s in out)
                out.append(replace(step, pattern=None, share=share if has_sink else None))
            case RowSum() if step.pattern == pattern:
                continue
            case _:
                out.append(step)
    return tuple(out)


def unread(steps: Steps) -> Steps:
    """Less the steps whose values nothing reads any more."""
    while True:
        read = {name for step in steps for name in _reads(step)}
        left = tuple(s for s in steps if not isinstance(s, (Linear, Share, RowSum, Move, Pattern)) or s.name in read)
        if len(left) == len(steps):
            return left
        steps = left


def _reads(step: Step) -> Iterator[str]:
    match step:
        case Linear(terms=terms):
            yield from (term.name for term in terms)
        case Contest(names=names, rivals=rivals):
            yield from (*names, *rivals.inputs)
        case Pattern(products=products) | Share(products=products):
            yield from (name for p in products for name in (p.query, p.key) if name)
        case Move(value=value, pattern=pattern, share=share):
            yield from (name for name in (value, pattern, share) if name)
        case RowSum(pattern=pattern):
            yield pattern
        case Write(name=name):
            yield name
