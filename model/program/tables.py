"""The tables at the end of a program's file: what each token writes, what is left alone, and what the tokens are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from model.program.numbers import Digits, array_lines, comment, quoted, sparse_items, wrapped
from model.program.plan import Plan
from model.program.steps import Contest, Position, Step
from model.sites import Node

#: With more candidates than these, the logits are a loop over a table and not a line each.
FEW_CANDIDATES = 4


@dataclass(frozen=True)
class Head:
    """What the file says of itself: `about` are sentences, `labels` people's words for nodes, `texts` of tokens."""

    about: Sequence[str]
    labels: Mapping[Node, str] = field(default_factory=dict)
    texts: Sequence[str] = ()
    example: Sequence[int] = ()

    def text(self, token: int) -> str:
        return self.texts[token] if token < len(self.texts) else ""


class Tables:
    """A table is summed over, or squared: it has a digit more than the weights."""

    def __init__(self, plan: Plan, head: Head, weights: Digits) -> None:
        self.plan, self.head, self.weights = plan, head, weights
        self.digits = Digits(None if weights.significant is None else weights.significant + 1)

    def lines(self) -> Iterator[str]:
        plan, digits = self.plan, self.digits
        vocab = len(plan.rest[0].squares)
        yield f"VOCAB, WIDTH, CONTEXT = {vocab}, {plan.d_model}, {plan.block_size}"
        yield ""
        yield "# What each token writes to the channels of the stream."
        yield "EMBED = {"
        for channel, values in plan.embed.items():
            most = [t for t in np.argsort(-np.abs(values), kind="stable")[:4] if values[t]]
            shown = ", ".join(f"{quoted(self.head.text(int(t)))} {values[t]:+.2f}" for t in most)
            yield f"    # {comment(shown, 100)}" if shown else "    # no token"
            if np.count_nonzero(values) * 2 < vocab:
                yield from wrapped(sparse_items(values, digits), f"{channel}: column({{", "}),", "    ")
            else:
                yield from wrapped([digits(float(v)) for v in values], f"{channel}: np.array([", "]),", "    ")
        yield "}"
        if plan.positions:
            yield "PLACE = {"
            for channel, values in plan.positions.items():
                yield from wrapped([digits(float(v)) for v in values], f"{channel}: np.array([", "]),", "    ")
            yield "}"
        yield ""
        yield "# Of the channels that the circuit leaves alone: sums of squares by token, one row a norm."
        yield from array_lines("REST", np.stack([rest.squares for rest in plan.rest]), digits)
        sums = [rest.sums for rest in plan.rest if rest.sums is not None]
        if sums:
            yield from array_lines("SUMS", np.stack(sums), digits)
        yield ""
        yield "# And what they add to a candidate's logit, before the norm."
        yield "STATIC = {"
        for c in plan.candidates:
            yield from wrapped([digits(float(v)) for v in c.static], f"{c.token}: np.array([", "]),", "    ")
        yield "}"
        if any(c.bigram is not None for c in plan.candidates):
            yield "# The bigram table: what the last token alone adds to a candidate's logit."
            yield "BIGRAM = {"
            for c in plan.candidates:
                assert c.bigram is not None
                yield from wrapped([digits(float(v)) for v in c.bigram], f"{c.token}: np.array([", "]),", "    ")
            yield "}"
        if len(plan.candidates) > FEW_CANDIDATES:
            yield from self._candidates()
        for step in plan.steps:
            yield from self._of(step)
        if plan.others is not None:
            yield "# The channels that the circuit leaves alone, by token: they compete under AbsTopK."
            yield from array_lines("OTHERS", plan.others, digits)
        yield ""
        yield "# Tokens by number."
        items = [f"{number}: {quoted(text)}" for number, text in enumerate(self.head.texts)]
        yield from wrapped(items, "TEXT = {", "}")
        if self.head.example:
            yield f"# {comment(quoted(''.join(self.head.text(t) for t in self.head.example)), 200)}"
        yield from wrapped([str(t) for t in self.head.example], "EXAMPLE = [", "]")

    def _candidates(self) -> Iterator[str]:
        yield "UNEMBED = {"
        for c in self.plan.candidates:
            items = [f"{channel}: {self.weights(w)}" for channel, w in c.unembed.items()]
            yield from wrapped(items, f"{c.token}: {{", "},", "    ")
        yield "}"
        yield from wrapped([f"{c.token}: {self.weights(c.added)}" for c in self.plan.candidates], "ADDED = {", "}")
        if self.plan.layer_norm:
            yield from wrapped(
                [f"{c.token}: {self.weights(c.centre)}" for c in self.plan.candidates], "CENTRE = {", "}"
            )

    def _of(self, step: Step) -> Iterator[str]:
        match step:
            case Position(name, node, values):
                yield f"# {node}: a position, by place"
                yield from array_lines(f"PLACES_{name}", values, self.digits)
            case Contest(site, _, _, rivals) if rivals.norm is None:
                yield f"# What competes at {site}."
                rows, columns = np.nonzero(rivals.matrix)
                entries = [
                    f"({r}, {c}, {self.weights(float(rivals.matrix[r, c]))})"
                    for r, c in zip(rows, columns, strict=True)
                ]
                yield from wrapped(entries, f"RIVALS_{rivals.name} = matrix({rivals.matrix.shape}, [", "])")
                yield from array_lines(f"REST_{rivals.name}", rivals.constant, self.digits)
            case Contest(site, _, _, rivals):
                assert rivals.gain is not None and rivals.bias is not None
                n = len(rivals.constant)
                yield f"# What competes at {site}."
                yield from array_lines(f"SHIFT_{rivals.name}", rivals.constant, self.digits)
                yield from array_lines(f"GAIN_{rivals.name}", rivals.gain[:n], self.digits)
                yield from array_lines(f"BIAS_{rivals.name}", rivals.bias[:n], self.digits)
                if rivals.positions is not None:
                    yield from array_lines(f"FREE_{rivals.name}", rivals.positions.T, self.digits)
            case _:
                return
