"""Files: opened by `with` or by assignment, to read or to write as their names say."""

from model.corpus.expressions import call
from model.corpus.names import EXTENSIONS, FOLDERS, READ_STEMS, WRITE_STEMS
from model.corpus.scope import Body, Lines, Scope, indent
from model.corpus.strings import quote, string

HANDLES = ("f", "f", "f", "file", "fp", "source", "target", "handle", "stream", "fh", "out")


def file_name(s: Scope, stems: tuple[str, ...]) -> str:
    """A name that tells, by one word and no other sign, whether the file is read or written."""
    stem = s.pick(stems)
    if s.chance(0.35):
        return f"{stem}_{s.pick(('file', 'path', 'name', 'file_name', 'filename'))}"
    if s.chance(0.15):
        stem = f"{stem}{s.pick('123')}" if s.chance(0.5) else f"{s.pick(('my', 'new', 'old', 'test'))}_{stem}"
    folder = s.pick(FOLDERS) if s.chance(0.15) else ""
    return quote(s, folder + stem + s.pick(EXTENSIONS))


def mention(s: Scope) -> Lines:
    """A file is spoken of, of either kind, and not opened."""
    name = file_name(s, s.pick((READ_STEMS, WRITE_STEMS)))
    return [
        s.pick((f"print({name})", f"{s.plural()}.append({name})", f"{s.name()} = {name}", f"{s.function()}({name})"))
    ]


def opening(s: Scope, reads: bool) -> str:
    name = file_name(s, READ_STEMS if reads else WRITE_STEMS)
    mode = quote(s, "r" if reads else "w")
    if s.chance(0.06):
        return f"open({name}, mode={mode})"
    return f"open({name})" if reads and s.chance(0.06) else f"open({name}, {mode})"


def transfer(s: Scope, handle: str, reads: bool) -> Lines:
    if reads:
        kind = s.rng.random()
        if kind < 0.3:
            return [f"{s.thing()} = {handle}.read()"]
        if kind < 0.5:
            return [f"{s.plural()} = {handle}.readlines()"]
        if kind < 0.6:
            return [f"{s.name()} = json.load({handle})"]
        return [f"for {s.pick(('line', 'row', s.name()))} in {handle}:", f"    {said(s)}"]
    kind = s.rng.random()
    if kind < 0.3:
        return [f"{handle}.write({string(s)})"]
    if kind < 0.5:
        return [f"{handle}.write({s.thing()})"]
    if kind < 0.6:
        return [f"json.dump({s.thing()}, {handle})"]
    if kind < 0.7:
        return [f"print({s.thing()}, file={handle})"]
    name = s.pick(("line", "row", s.name()))
    return [f"for {name} in {s.plural()}:", f"    {handle}.write({name})"]


def said(s: Scope) -> str:
    return f"print({string(s)})" if s.chance(0.3) else f"{s.plural()}.append({call(s)})"


def visit(s: Scope, body: Body) -> Lines:
    """One file opened, used, and shut: by `with`, or by a variable and `close`."""
    reads = s.chance(0.5)
    handle = s.pick(HANDLES)
    before = [*mention(s), *(body() if s.chance(0.5) else [])] if s.chance(0.3) else []
    use = transfer(s, handle, reads)
    if s.chance(0.2):
        use = [*use, *body()] if s.chance(0.5) else [*body(), *use]
    if s.chance(0.55):
        return [*before, f"with {opening(s, reads)} as {handle}:", *indent(use)]
    return [*before, f"{handle} = {opening(s, reads)}", *use, f"{handle}.close()"]


def copying(s: Scope) -> Lines:
    """One file read and another written."""
    source, target = s.pick((("f", "g"), ("source", "target"), ("fin", "fout"), ("f1", "f2"), ("src", "dst")))
    lines = []
    for handle, reads in ((source, True), (target, False)):
        lines += [f"with {opening(s, reads)} as {handle}:", *indent(transfer(s, handle, reads))]
    return lines
