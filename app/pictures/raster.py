"""SVG of our own as PNG. Fonts come with the app, so a picture is the same on every machine."""

from pathlib import Path

import resvg_py

FONTS = [str(path) for path in sorted((Path(__file__).parent / "fonts").glob("*.ttf"))]


def png(svg: str, width: int) -> bytes:
    """`svg`, which we have drawn ourselves, `width` pixels wide."""
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg, width=width, skip_system_fonts=True, font_files=FONTS,
            font_family="DejaVu Sans", sans_serif_family="DejaVu Sans", monospace_family="DejaVu Sans Mono",
        )
    )  # fmt: skip
