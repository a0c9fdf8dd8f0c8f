"""Lines of a program's file: a statement with its comment, folded where it is long; a sentence filled to a width."""

import re

from model.program.numbers import WIDTH


def noted(line: str, said: str) -> list[str]:
    """A statement with its comment behind it, or before it where the line would be too long."""
    if len(line) + len(said) + 8 <= WIDTH:
        return [f"    {line}  # {said}"]
    return [f"    # {said}", *folded(line)]


def folded(line: str, indent: str = "    ") -> list[str]:
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


def filled(sentence: str) -> list[str]:
    lines, line = [], ""
    for word in sentence.split(" "):
        if len(line) + len(word) + 1 > 100 and line:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]
