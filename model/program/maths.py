"""A plan as equations: each as MathML that browsers draw by themselves, and as one line of text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from model.program.numbers import Digits
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
    RowSum,
    Share,
    Shift,
    Step,
    Write,
)
from model.sites import Node

DIGITS = Digits(4)


@dataclass(frozen=True)
class Equation:
    """`name` is the value's in the program; `title` is set where a block begins, and nothing else is then."""

    name: str
    node: Node | None
    text: str
    mathml: str
    title: str | None = None


@dataclass(frozen=True)
class Maths:
    """A piece of an equation in both forms."""

    text: str
    mathml: str

    def __add__(self, other: "Maths") -> "Maths":
        return Maths(f"{self.text} {other.text}", self.mathml + other.mathml)


def equations_of(plan: Plan, texts: Sequence[str]) -> list[Equation]:
    """All at token t; a sum over s runs over the tokens up to t."""
    return [equation for step in plan.steps for equation in _equations(step, plan, texts)]


def _equations(step: Step, plan: Plan, texts: Sequence[str]) -> list[Equation]:
    match step:
        case Begin(title):
            return [Equation("", None, "", "", title)]
        case Shift(by_channel):
            return [
                _equation(f"x_{c}", None, _x(c), _sum([("+", _x(c)), _signed(value)]), "←")
                for c, value in by_channel.items()
            ]
        case Hold(by_channel):
            return [_equation(f"x_{c}", None, _x(c), _sum([_signed(value)]), "←") for c, value in by_channel.items()]
        case Norm(layer_norm, rest, name):
            inner = _op("∑") + _sup(_x("c"), "2") + _op("+") + _call(f"R{rest}", _word("token"))
            mean = _fraction(inner, _number(str(plan.d_model)))
            if not layer_norm:
                return [_equation(name, None, _name(name), _root(mean + _op("+") + _word("ε")))]
            centre = _name(f"c{name[1:]}")
            whole = _fraction(
                _op("∑") + _x("c") + _op("+") + _call(f"S{rest}", _word("token")), _number(str(plan.d_model))
            )
            scale = _root(mean + _op("−") + _sup(centre, "2") + _op("+") + _word("ε"))
            return [_equation(f"c{name[1:]}", None, centre, whole), _equation(name, None, _name(name), scale)]
        case Read(name, node, channel, gain, bias, layer_norm, norm):
            stream = _x(channel)
            if layer_norm:
                stream = _bracket(stream + _op("−") + _name(f"c{norm[1:]}"))
            read = _sum([_times(gain, _fraction(stream, _name(norm))), *([_signed(bias)] if bias else [])])
            return [_equation(name, node, _name(name), read)]
        case Position(name, node):
            return [_equation(name, node, _name(name), _call("place", _word("t")))]
        case Linear(name, node, terms, constant, activation):
            parts = [_times(t.weight, _name(t.name)) for t in terms] + ([_signed(constant)] if constant else [])
            whole = _sum(parts)
            if activation:
                whole = _call("ReLU" if activation == "relu" else "GELU", whole)
            return [_equation(name, node, _name(name), whole)]
        case Contest(_, names, kept, rivals):
            ours = _list([_name(name) for name in names])
            right = _call(f"AbsTopK {kept}", ours + _op(";") + _word(f"rivals of {rivals.name}"))
            return [_equation(names[0], None, ours, right, "←")]
        case Pattern(name, _, _, products, constant, sink):
            score = _sum([*_products(products, "s"), *([_signed(constant)] if constant else [])])
            over = _op("∑") + _call("exp", _word("score"))
            if sink is not None:
                over = over + _op("+") + _call("exp", _number(DIGITS(sink)))
            left = Maths(f"{name}[t,s]", _name(name).mathml)
            return [_equation(name, None, left, _fraction(_call("exp", score), over))]
        case Share(name, _, _, products, constant, sink):
            score = _sum([*_products(products, ""), *([_signed(constant)] if constant else [])])
            odds = _fraction(_call("exp", _number(DIGITS(sink)) + _op("−") + _bracket(score)), _word("t"))
            return [_equation(name, None, _name(name), _fraction(_number("1"), _number("1") + _op("+") + odds))]
        case Move(name, node, value, pattern, share):
            of_values = Maths(f"{value}[s]", f"<msub>{_name(value).mathml}<mi>s</mi></msub>")
            if pattern is not None:
                moved = _op("∑ₛ") + _name(pattern) + of_values
            else:
                moved = _fraction(_number("1"), _word("t")) + _op("∑ₛ") + of_values
                moved = _name(share) + _op("·") + moved if share else moved
            return [_equation(name, node, _name(name), moved)]
        case RowSum(name, pattern):
            return [_equation(name, None, _name(name), _op("∑ₛ") + _name(pattern))]
        case Write(channel, name):
            return [_equation(f"x_{channel}", None, _x(channel), _x(channel) + _op("+") + _name(name), "←")]
        case Logits():
            return [_logit(plan, number, texts) for number in range(len(plan.candidates))]


def _logit(plan: Plan, number: int, texts: Sequence[str]) -> Equation:
    c = plan.candidates[number]
    shown = repr(texts[c.token]) if c.token < len(texts) else str(c.token)
    terms = [*(_times(w, _x(channel)) for channel, w in c.unembed.items()), ("+", _call("S", _word("token")))]
    if c.centre:
        terms.append(_times(-c.centre, _name("c")))
    right = _fraction(_sum(terms), _name("r"))
    if c.bigram is not None:
        right = right + _op("+") + _call("B", _word("token"))
    if c.added:
        sign, value = _signed(c.added)
        right = right + _op(_MINUS[sign]) + value
    return _equation(f"logit_{c.token}", None, _call("logit", _word(shown)), right)


def _equation(name: str, node: Node | None, left: Maths, right: Maths, sign: str = "=") -> Equation:
    both = left + _op(sign) + right
    return Equation(name, node, both.text, f'<math displaystyle="true"><mrow>{both.mathml}</mrow></math>')


# -- pieces ----------------------------------------------------------------------------------

_MINUS = {"+": "+", "-": "−"}


def _name(name: str) -> Maths:
    """`q1_0_5` as q with 0,5 below and its layer above."""
    first, _, rest = name.partition("_")
    letter, layer = first[0], first[1:]
    below = escape(rest.replace("_", ","))
    if rest and layer:
        return Maths(name, f"<msubsup><mi>{letter}</mi><mn>{below}</mn><mn>({layer})</mn></msubsup>")
    return Maths(name, f"<msub><mi>{letter}</mi><mi>{layer}</mi></msub>" if layer else f"<mi>{letter}</mi>")


def _x(channel: int | str) -> Maths:
    return Maths(f"x[{channel}]", f"<msub><mi>x</mi><mn>{channel}</mn></msub>")


def _number(text: str) -> Maths:
    return Maths(text, f"<mn>{escape(text.replace('-', '−'))}</mn>")


def _word(text: str) -> Maths:
    return Maths(text, f"<mi>{escape(text)}</mi>")


def _op(text: str) -> Maths:
    return Maths(text, f"<mo>{escape(text)}</mo>")


def _sup(base: Maths, power: str) -> Maths:
    return Maths(f"{base.text}^{power}", f"<msup><mrow>{base.mathml}</mrow><mn>{power}</mn></msup>")


def _fraction(above: Maths, below: Maths) -> Maths:
    over = above.text if " " not in above.text else f"({above.text})"
    under = below.text if " " not in below.text else f"({below.text})"
    return Maths(f"{over} / {under}", f"<mfrac><mrow>{above.mathml}</mrow><mrow>{below.mathml}</mrow></mfrac>")


def _root(inner: Maths) -> Maths:
    return Maths(f"√({inner.text})", f"<msqrt><mrow>{inner.mathml}</mrow></msqrt>")


def _bracket(inner: Maths) -> Maths:
    return Maths(f"({inner.text})", f"<mrow><mo>(</mo>{inner.mathml}<mo>)</mo></mrow>")


def _call(function: str, inner: Maths) -> Maths:
    return Maths(f"{function}({inner.text})", f"<mi>{escape(function)}</mi>{_bracket(inner).mathml}")


def _list(items: list[Maths]) -> Maths:
    return Maths(", ".join(i.text for i in items), "<mo>,</mo>".join(i.mathml for i in items))


def _times(weight: float, value: Maths) -> tuple[str, Maths]:
    size = DIGITS(abs(weight))
    return "-" if weight < 0 else "+", value if size == "1.0" else _number(size) + value


def _signed(value: float) -> tuple[str, Maths]:
    return "-" if value < 0 else "+", _number(DIGITS(abs(value)))


def _products(products: Iterable[Product], key: str) -> Iterable[tuple[str, Maths]]:
    for p in products:
        parts = []
        if p.query:
            parts.append(_name(p.query))
        if p.key:
            parts.append(Maths(f"{p.key}[{key}]", f"<msub>{_name(p.key).mathml}<mi>{key}</mi></msub>"))
        value = parts[0] if len(parts) == 1 else parts[0] + parts[1]
        yield _times(p.weight, value)


def _sum(terms: list[tuple[str, Maths]]) -> Maths:
    if not terms:
        return _number("0")
    sign, first = terms[0]
    whole = first if sign == "+" else _op("−") + first
    for sign, term in terms[1:]:
        whole = whole + _op(_MINUS[sign]) + term
    return whole
