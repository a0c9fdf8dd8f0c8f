"""A plan as one Python file: numpy only, a named value for each node, weights in place, tables at the end."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from model.program.helpers import HELPERS
from model.program.numbers import WIDTH, Digits, array_lines, comment, constant, quoted, sparse_items, summed, wrapped
from model.program.plan import Plan
from model.program.steps import (
    Begin,
    Contest,
    Hold,
    Linear,
    Logits,
    Move,
    Norm,
    Pattern,
    Position,
    Product,
    Read,
    Rivals,
    RowSum,
    Share,
    Shift,
    Step,
    Term,
    Write,
)
from model.sites import Node

#: With more candidates than these, the logits are a loop over a table and not a line each.
FEW_CANDIDATES = 4


#: The line after which a file has tables alone.
TABLES = "# ---- tables by token --------------------------------------------------------------------"


@dataclass(frozen=True)
class Head:
    """What the file says of itself: `about` are sentences, `labels` people's words for nodes, `texts` of tokens."""

    about: Sequence[str]
    labels: Mapping[Node, str] = field(default_factory=dict)
    texts: Sequence[str] = ()
    example: Sequence[int] = ()


def python_of(plan: Plan, head: Head, digits: Digits | None = None) -> str:
    """The whole file. `python circuit.py 12 57 3` prints both candidates' logits after these tokens."""
    return _Writer(plan, head, digits or Digits()).file()


class _Writer:
    def __init__(self, plan: Plan, head: Head, digits: Digits) -> None:
        self.plan, self.head, self.digits = plan, head, digits
        # A table is summed over, or squared: a digit more than the weights have.
        self.tables = Digits(None if digits.significant is None else digits.significant + 1)

    def file(self) -> str:
        body = [line for step in self.plan.steps for line in self._step(step)]
        tables = list(self._tables())
        used = _used("\n".join([*body, *tables]))
        parts = [
            self._docstring(),
            "import argparse",
            *(["import math"] if "gelu" in used else []),
            "",
            "import numpy as np",
            "",
            "def circuit(tokens):",
            '    """Every named value at every token, by its name; `logits` by candidate. Tokens: [..., n]."""',
            "    tokens = np.asarray(tokens)",
            "    n = tokens.shape[-1]",
            *(["    ones = np.ones(tokens.shape)"] if any("ones" in line for line in body) else []),
            "    # The residual stream, by channel: what the circuit reads or writes of it.",
            self._stream(),
            *body,
            "    return locals()",
            "",
            "",
            *self._answer(),
            "",
            *("\n" + HELPERS[name].strip() + "\n" for name in HELPERS if name in used),
            "",
            TABLES,
            "",
            *tables,
            "",
            *_MAIN,
        ]
        return "\n".join(parts) + "\n"

    def _docstring(self) -> str:
        unused = [str(node) for node in self.plan.unused]
        lines = list(self.head.about)
        if unused:
            lines.append(f"Kept nodes that change nothing and are left out: {', '.join(unused)}.")
        safe = [comment(line, 2000).replace("\\", "/").replace('"""', "'''") for line in lines]
        text = "\n".join(line for sentence in safe for line in _filled(sentence))
        return f'"""{text}\n\nRun: python circuit.py 12 57 3 (token ids; their texts are in TEXT below).\n"""\n'

    def _stream(self) -> str:
        plus = " + PLACE[c][:n]" if self.plan.positions else ""
        return f"    x = {{c: EMBED[c][tokens]{plus} for c in EMBED}}"

    def _step(self, step: Step) -> list[str]:
        match step:
            case Begin(title):
                return ["", f"    # ---- {_TITLES(title)}"]
            case Shift(by_channel):
                items = [f"{c}: {self.digits(value)}" for c, value in by_channel.items()]
                return [
                    "    # Means of what is cut, written up to here.",
                    *wrapped(items, "for c, mean in {", "}.items():", "    "),
                    "        x[c] = x[c] + mean",
                ]
            case Hold(by_channel):
                items = [f"{c}: {self.digits(value)}" for c, value in by_channel.items()]
                return [
                    "    # Channels that are at their mean before the last norm, whatever was written to them.",
                    *wrapped(items, "for c, mean in {", "}.items():", "    "),
                    "        x[c] = np.full(tokens.shape, mean)",
                ]
            case Norm(layer_norm, rest, name):
                if layer_norm:
                    return [
                        f"    c{name[1:]}, {name} = centre_and_scale(x, REST[{rest}][tokens], SUMS[{rest}][tokens])"
                    ]
                return [f"    {name} = rms(x, REST[{rest}][tokens])"]
            case Read(name, node, channel, gain, bias, layer_norm, norm):
                inner = f"(x[{channel}] - c{norm[1:]})" if layer_norm else f"x[{channel}]"
                return self._line(
                    name, [self.digits.times(gain, f"{inner} / {norm}"), *constant(self.digits, bias)], node
                )
            case Position(name, node):
                return self._line(name, [("+", f"PLACES_{name}[:n]")], node)
            case Linear(name, node, terms, value, activation):
                return self._line(name, self._terms(terms, value), node, activation)
            case Contest(_, names, kept, rivals):
                ours = ", ".join(names)
                comma = "," if len(names) == 1 else ""
                return [
                    f"    # AbsTopK: {kept} of {len(names) + _n(rivals)} stay.",
                    *_folded(f"{ours}{comma} = survive({kept}, [{ours}], {self._rivals(rivals)})"),
                ]
            case Pattern(name, _, head, products, value, sink):
                score = summed([*self._products(products), *constant(self.digits, value)])
                ending = "" if sink is None else f", sink={self.digits(sink)}"
                said = f"pattern of head {head}" + ("" if sink is None else ", with a sink")
                return _noted(f"{name} = attend({score}{ending})", said)
            case Share(name, _, head, products, value, sink):
                score = summed([*self._products(products, plain=True), *constant(self.digits, value)])
                said = f"head {head} averages; what the sink leaves of it"
                return _noted(f"{name} = share({score}, {self.digits(sink)}, n)", said)
            case Move(name, node, value, pattern, share):
                if pattern is not None:
                    return _noted(f"{name} = move({pattern}, {value})", self._of(node) + ", moved")
                scaled = f"{share} * average({value})" if share else f"average({value})"
                return _noted(f"{name} = {scaled}", self._of(node) + ", averaged over the tokens so far")
            case RowSum(name, pattern):
                return _noted(f"{name} = {pattern}.sum(axis=-1)", "what the sink leaves")
            case Write(channel, name):
                return [f"    x[{channel}] = x[{channel}] + {name}"]
            case Logits():
                return self._logits(step)

    def _of(self, node: Node) -> str:
        label = self.head.labels.get(node)
        return f"{node}: {comment(label)}" if label else str(node)

    def _line(self, name: str, terms: list[tuple[str, str]], node: Node, activation: str | None = None) -> list[str]:
        text = summed(terms)
        if not re.search(r"[a-z]\w*_|PLACES|x\[", text):
            text = f"ones * {text}" if not text.startswith("-") else f"ones * ({text})"
        text = f"{activation}({text})" if activation else text
        return _noted(f"{name} = {text}", self._of(node))

    def _terms(self, terms: Sequence[Term], value: float) -> list[tuple[str, str]]:
        return [*(self.digits.times(t.weight, t.name) for t in terms), *constant(self.digits, value)]

    def _products(self, products: Sequence[Product], plain: bool = False) -> Iterator[tuple[str, str]]:
        """With `plain` scores are by query alone: [..., n]."""
        for product in products:
            query = product.query and (product.query if plain else f"by_query({product.query})")
            key = product.key and f"by_key({product.key})"
            yield self.digits.times(product.weight, " * ".join(part for part in (query, key) if part))

    def _rivals(self, rivals: Rivals) -> str:
        if rivals.norm is None:
            inputs = ", ".join(rivals.inputs)
            text = f"rivals(RIVALS_{rivals.name}, [{inputs}], REST_{rivals.name})"
            return f"{rivals.activation}({text})" if rivals.activation else text
        r, centre = rivals.norm, f"c{rivals.norm[1:]}"
        assert rivals.gain is not None and rivals.bias is not None
        layer_norm, n_alone = self.plan.layer_norm, len(rivals.constant)
        alone = f"OTHERS[tokens] + SHIFT_{rivals.name}" + (f" - {centre}[..., None]" if layer_norm else "")
        parts = [f"*np.moveaxis(GAIN_{rivals.name} * ({alone}) / {r}[..., None] + BIAS_{rivals.name}, -1, 0)"]
        for place, channel in enumerate(rivals.channels, n_alone):
            inner = f"(x[{channel}] - {centre})" if layer_norm else f"x[{channel}]"
            term = self.digits.times(float(rivals.gain[place]), f"{inner} / {r}")
            parts.append(summed([term, *constant(self.digits, float(rivals.bias[place]))]))
        if rivals.positions is not None:
            parts.append(f"*FREE_{rivals.name}[:, :n]")
        return f"[{', '.join(parts)}]"

    def _logits(self, step: Logits) -> list[str]:
        candidates = self.plan.candidates
        has_bigram = any(c.bigram is not None for c in candidates)
        if len(candidates) > FEW_CANDIDATES:
            centre = " - CENTRE[t] * c" if step.layer_norm else ""
            bigram = " + BIGRAM[t][tokens]" if has_bigram else ""
            return [
                "    logits = {",
                "        t: (sum(w * x[c] for c, w in UNEMBED[t].items())"
                f" + STATIC[t][tokens]{centre}) / r{bigram} + ADDED[t]",
                "        for t in UNEMBED",
                "    }",
            ]
        lines = ["    logits = {"]
        for c in candidates:
            terms = [self.digits.times(w, f"x[{channel}]") for channel, w in c.unembed.items()]
            terms.append(("+", f"STATIC[{c.token}][tokens]"))
            if step.layer_norm:
                terms.append(self.digits.times(-c.centre, "c"))
            after = [("+", f"BIGRAM[{c.token}][tokens]")] if has_bigram else []
            tail = "".join(f" {sign} {term}" for sign, term in [*after, *constant(self.digits, c.added)])
            lines.append(f"        # {comment(quoted(self._text(c.token)))}")
            lines += _folded(f"{c.token}: ({summed(terms)}) / r{tail},", "        ")
        return [*lines, "    }"]

    def _text(self, token: int) -> str:
        return self.head.texts[token] if token < len(self.head.texts) else ""

    def _answer(self) -> list[str]:
        found = self.plan.calibration
        scale, shift = (1.0, 0.0) if found is None else (found.scale, found.shift)
        first, second = self.plan.answers
        return [
            f"ANSWERS = ({first}, {second})  # "
            f"{comment(quoted(self._text(first)))} and {comment(quoted(self._text(second)))}",
            f"SCALE, SHIFT = {scale!r}, {shift!r}  # the circuit's calibration" + ("" if found else ": it has none"),
            "",
            "",
            "def answer(tokens, answers=ANSWERS):",
            '    """Logits of the two candidates after the last token, calibrated: the shift parts them."""',
            '    logits = circuit(tokens)["logits"]',
            "    first, second = (SCALE * logits[token][..., -1] for token in answers)",
            "    return first + SHIFT, second - SHIFT",
        ]

    # -- tables ------------------------------------------------------------------------------

    def _tables(self) -> Iterator[str]:
        plan, digits = self.plan, self.tables
        vocab = len(plan.rest[0].squares)
        yield f"VOCAB, WIDTH, CONTEXT = {vocab}, {plan.d_model}, {plan.block_size}"
        yield ""
        yield "# What each token writes to the channels of the stream."
        yield "EMBED = {"
        for channel, values in plan.embed.items():
            most = [t for t in np.argsort(-np.abs(values), kind="stable")[:4] if values[t]]
            shown = ", ".join(f"{quoted(self._text(int(t)))} {values[t]:+.2f}" for t in most)
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
            yield from self._table_of_candidates()
        for step in plan.steps:
            yield from self._tables_of(step)
        if plan.others is not None:
            yield "# The channels that the circuit leaves alone, by token: they compete under AbsTopK."
            yield from array_lines("OTHERS", plan.others, digits)
        yield ""
        yield "# Tokens by number."
        items = [f"{number}: {quoted(text)}" for number, text in enumerate(self.head.texts)]
        yield from wrapped(items, "TEXT = {", "}")
        if self.head.example:
            yield f"# {comment(quoted(''.join(self._text(t) for t in self.head.example)), 200)}"
        yield from wrapped([str(t) for t in self.head.example], "EXAMPLE = [", "]")

    def _table_of_candidates(self) -> Iterator[str]:
        yield "UNEMBED = {"
        for c in self.plan.candidates:
            items = [f"{channel}: {self.digits(w)}" for channel, w in c.unembed.items()]
            yield from wrapped(items, f"{c.token}: {{", "},", "    ")
        yield "}"
        yield from wrapped([f"{c.token}: {self.digits(c.added)}" for c in self.plan.candidates], "ADDED = {", "}")
        if self.plan.layer_norm:
            yield from wrapped([f"{c.token}: {self.digits(c.centre)}" for c in self.plan.candidates], "CENTRE = {", "}")

    def _tables_of(self, step: Step) -> Iterator[str]:
        match step:
            case Position(name, node, values):
                yield f"# {node}: a position, by place"
                yield from array_lines(f"PLACES_{name}", values, self.tables)
            case Contest(site, _, _, rivals) if rivals.norm is None:
                yield f"# What competes at {site}."
                rows, columns = np.nonzero(rivals.matrix)
                entries = [
                    f"({r}, {c}, {self.digits(float(rivals.matrix[r, c]))})" for r, c in zip(rows, columns, strict=True)
                ]
                yield from wrapped(entries, f"RIVALS_{rivals.name} = matrix({rivals.matrix.shape}, [", "])")
                yield from array_lines(f"REST_{rivals.name}", rivals.constant, self.tables)
            case Contest(site, _, _, rivals):
                assert rivals.gain is not None and rivals.bias is not None
                n = len(rivals.constant)
                yield f"# What competes at {site}."
                yield from array_lines(f"SHIFT_{rivals.name}", rivals.constant, self.tables)
                yield from array_lines(f"GAIN_{rivals.name}", rivals.gain[:n], self.tables)
                yield from array_lines(f"BIAS_{rivals.name}", rivals.bias[:n], self.tables)
                if rivals.positions is not None:
                    yield from array_lines(f"FREE_{rivals.name}", rivals.positions.T, self.tables)
            case _:
                return


def _TITLES(site: str) -> str:
    if site == "readout":
        return "the candidates' logits"
    layer, part = site.split(".")
    return f"layer {layer}, {'attention' if part == 'attn' else 'MLP'}"


def _n(rivals: Rivals) -> int:
    n_positions = 0 if rivals.positions is None else rivals.positions.shape[1]
    return len(rivals.constant) + len(rivals.channels) + n_positions


def _used(text: str) -> set[str]:
    """Helpers that the text calls."""
    return {name for name in HELPERS if re.search(rf"\b{name}\(", text)}


def _noted(line: str, said: str) -> list[str]:
    """A statement with its comment behind it, or before it where the line would be too long."""
    if len(line) + len(said) + 8 <= WIDTH:
        return [f"    {line}  # {said}"]
    return [f"    # {said}", *_folded(line)]


def _folded(line: str, indent: str = "    ") -> list[str]:
    """A long statement over several lines, broken where a term or an item begins, inside brackets of its own."""
    if len(line) + len(indent) <= WIDTH:
        return [f"{indent}{line}"]
    words = re.split(r"(?<=,) | (?=[+-] )", line)
    lines, current = [], f"{indent}{words[0]}"
    for word in words[1:]:
        if len(current) + len(word) + 1 > WIDTH - 2:
            lines.append(current)
            current = f"{indent}    {word}"
        else:
            current += f" {word}"
    lines.append(current)
    return lines if "(" in lines[0] or "[" in lines[0] else _bracketed(lines, indent)


def _bracketed(lines: list[str], indent: str) -> list[str]:
    name, _, rest = lines[0].strip().partition(" = ")
    return [f"{indent}{name} = (", f"{indent}    {rest}", *lines[1:], f"{indent})"]


def _filled(sentence: str) -> list[str]:
    lines, line = [], ""
    for word in sentence.split(" "):
        if len(line) + len(word) + 1 > 100 and line:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


_MAIN = """
def main():
    reader = argparse.ArgumentParser(description="Logits of both candidates after a prompt.")
    reader.add_argument("tokens", type=int, nargs="*", help="the prompt's token ids; without any, an example's")
    reader.add_argument("--answers", type=int, nargs=2, default=ANSWERS, help="token ids of the two candidates")
    given = reader.parse_args()
    tokens = given.tokens or EXAMPLE
    if not 0 < len(tokens) <= CONTEXT or not all(0 <= token < VOCAB for token in tokens):
        reader.error(f"a prompt is 1 to {CONTEXT} tokens, each from 0 to {VOCAB - 1}")
    known = circuit(tokens)["logits"]
    if not all(token in known for token in given.answers):
        reader.error(f"the candidates are {list(known)}")
    for token, logit in zip(given.answers, answer(tokens, given.answers)):
        print(f"{TEXT.get(token, '')!r:>16} {logit:.6f}")


if __name__ == "__main__":
    main()
""".strip("\n").split("\n")
