"""Tasks about files: how they are opened, and what for."""

from random import Random

from model.corpus.files import file_name
from model.corpus.names import EXTENSIONS, IMPORTS, READ_STEMS, WRITE_STEMS
from model.tasks.pair import PromptPair
from model.tasks.setting import Setting, text

HANDLES = ("f", "f", "g", "file", "source", "target", "input", "output")
LONGEST_NAME = 16


def with_as(rng: Random) -> PromptPair:
    """A `with` before `open(..)` calls for ` as`; where the file is assigned, the line ends.

    An earlier file is opened in the other way, and an import has an ` as` where that file has none.
    """
    s = Setting(rng)
    first, last = s.rng.sample(HANDLES[1:], 2)
    opened = [open_call(s) for _ in range(2)]
    module, key, other, index = s.pick(IMPORTS), s.take(), s.take(), s.take()
    part, loop, body, moved = s.plural(), s.take(), s.line(), s.line()
    use = s.pick((f"{key} = {{}}.read()", f"{part} = {{}}.readlines()", f"{key} = json.load({{}})"))
    with_prompt = text(
        f"import {module} as {first}",
        f"{other} = {part}[{index}:]",
        f"for {loop} in {part}:",
        f"    {body}",
        f"    {moved}",
        f"{last} = {opened[0]}",
        use.format(last),
        f"with {opened[1]}",
    )
    assigned_prompt = text(
        f"import {module}",
        f"{other} = {part}[{index}]",
        f"for {loop} in {part}:",
        f"    {body}",
        moved,
        f"with {opened[0]} as {first}:",
        "    " + use.format(first),
        f"{last} = {opened[1]}",
    )
    return PromptPair((with_prompt, assigned_prompt), (" as", "\n"))


def open_call(s: Setting) -> str:
    reads = s.chance(0.5)
    name, mark = file_name(s, READ_STEMS if reads else WRITE_STEMS), s.mark()
    while len(name) > LONGEST_NAME:
        name = file_name(s, READ_STEMS if reads else WRITE_STEMS)
    return f"open({name}, {mark}{'r' if reads else 'w'}{mark})"


def with_open(rng: Random) -> PromptPair:
    """The name of the file that is opened tells whether to read or to write it.

    Another name is mentioned before, one of the other kind, which is not opened. The mode's mark is open already,
    so that the mode is one letter, `r` or `w`.
    """
    s = Setting(rng)
    stems = s.pick(READ_STEMS), s.pick(WRITE_STEMS)
    if s.chance(0.35):
        form = "{}_" + s.pick(("file", "path", "name"))
        forms = form, form
    else:
        first, last = [f"{mark}{{}}{s.pick(EXTENSIONS)}{mark}" for mark in (s.mark(), s.mark())]
        forms = first, last
    mention = s.pick(("print({})", f"{s.plural()}.append({{}})", f"{s.name()} = {s.function()}({{}})"))
    head = s.pick(("with open", "with open", f"{s.pick(HANDLES)} = open"))
    before, between, mode = s.lines(2), s.lines(1), s.mark()

    def prompt(opened: str, mentioned: str) -> str:
        last = f"{head}({forms[1].format(opened)}, {mode}"
        return text(*before, mention.format(forms[0].format(mentioned)), *between, last)

    return PromptPair((prompt(*stems), prompt(*stems[::-1])), ("r", "w"))
