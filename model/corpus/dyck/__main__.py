"""The command that writes the corpus: `python -m model.corpus.dyck --out .cache/dyck`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from model.corpus.dyck.tokens import build


def main(
    out: Annotated[Path, typer.Option(help="Where the token files go.")] = Path(".cache/dyck"),
    tokens: Annotated[int, typer.Option(help="Tokens to train on.")] = 2_000_000,
    seed: Annotated[int, typer.Option(help="Decides every word.")] = 0,
) -> None:
    print(json.dumps(build(out, n_tokens=tokens, seed=seed)["counts"], indent=2))


if __name__ == "__main__":
    typer.run(main)
