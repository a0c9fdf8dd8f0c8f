"""A plan as one Python file: numpy only, a named value for each node, weights in place, tables at the end."""

import re
from collections.abc import Iterator, Sequence

from model.program.helpers import HELPERS
from model.program.lines import filled, folded, noted
from model.program.numbers import Digits, comment, constant, quoted, summed, wrapped
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
from model.program.tables import FEW_CANDIDATES, Head, Tables
from model.sites import Node

#: The line after which a file has tables alone.
TABLES = "# ---- tables by token --------------------------------------------------------------------"


def python_of(plan: Plan, head: Head, digits: Digits | None = None) -> str:
    """The whole file. `python circuit.py 12 57 3` prints both candidates' logits after these tokens."""
    return _Writer(plan, head, digits or Digits()).file()


class _Writer:
    def __init__(self, plan: Plan, head: Head, digits: Digits) -> None:
        self.plan, self.head, self.digits = plan, head, digits

    def file(self) -> str:
        body = [line for step in self.plan.steps for line in self._step(step)]
        tables = list(Tables(self.plan, self.head, self.digits).lines())
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
        text = "\n".join(line for sentence in safe for line in filled(sentence))
        return f'"""{text}\n\nRun: python circuit.py 12 57 3 (token ids; their texts are in TEXT below).\n"""\n'

    def _stream(self) -> str:
        plus = " + PLACE[c][:n]" if self.plan.positions else ""
        return f"    x = {{c: EMBED[c][tokens]{plus} for c in EMBED}}"

    def _step(self, step: Step) -> list[str]:
        match step:
            case Begin(title):
                return ["", f"    # ---- {_title(title)}"]
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
                    *folded(f"{ours}{comma} = survive({kept}, [{ours}], {self._rivals(rivals)})"),
                ]
            case Pattern(name, _, head, products, value, sink):
                score = summed([*self._products(products), *constant(self.digits, value)])
                ending = "" if sink is None else f", sink={self.digits(sink)}"
                said = f"pattern of head {head}" + ("" if sink is None else ", with a sink")
                return noted(f"{name} = attend({score}{ending})", said)
            case Share(name, _, head, products, value, sink):
                score = summed([*self._products(products, plain=True), *constant(self.digits, value)])
                said = f"head {head} averages; what the sink leaves of it"
                return noted(f"{name} = share({score}, {self.digits(sink)}, n)", said)
            case Move(name, node, value, pattern, share):
                if pattern is not None:
                    return noted(f"{name} = move({pattern}, {value})", self._of(node) + ", moved")
                scaled = f"{share} * average({value})" if share else f"average({value})"
                return noted(f"{name} = {scaled}", self._of(node) + ", averaged over the tokens so far")
            case RowSum(name, pattern):
                return noted(f"{name} = {pattern}.sum(axis=-1)", "what the sink leaves")
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
        return noted(f"{name} = {text}", self._of(node))

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
            lines.append(f"        # {comment(quoted(self.head.text(c.token)))}")
            lines += folded(f"{c.token}: ({summed(terms)}) / r{tail},", "        ")
        return [*lines, "    }"]

    def _answer(self) -> list[str]:
        found = self.plan.calibration
        scale, shift = (1.0, 0.0) if found is None else (found.scale, found.shift)
        first, second = self.plan.answers
        return [
            f"ANSWERS = ({first}, {second})  # "
            f"{comment(quoted(self.head.text(first)))} and {comment(quoted(self.head.text(second)))}",
            f"SCALE, SHIFT = {scale!r}, {shift!r}  # the circuit's calibration" + ("" if found else ": it has none"),
            "",
            "",
            "def answer(tokens, answers=ANSWERS):",
            '    """Logits of the two candidates after the last token, calibrated: the shift parts them."""',
            '    logits = circuit(tokens)["logits"]',
            "    first, second = (SCALE * logits[token][..., -1] for token in answers)",
            "    return first + SHIFT, second - SHIFT",
        ]


def _title(site: str) -> str:
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
