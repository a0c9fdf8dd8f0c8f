"""The Dockerfile without Docker: its steps, one target at a time, in a clean folder with a venv of its own; then the
server as the image starts it, without rights, asked for its health as the image asks.

    .venv/bin/python tests/image_steps.py cpu      # as root, on Debian 12
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
USER = 10001
Step = tuple[str, str]


def stages() -> dict[str, list[Step]]:
    """The steps of every stage by its name, the stage that it builds on first."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.M).replace("\\\n", " ")
    found: dict[str, list[Step]] = {}
    name = ""
    for line in text.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found[name] = list(found.get(base, []))
        elif word and name:
            found[name].append((word, " ".join(rest.split())))
    return found


class Image:
    """A folder that stands for the root of an image; the places that the Dockerfile names are moved into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.srv, self.venv, self.data = folder / "srv", folder / "venv", folder / "data"
        for path in (self.srv, self.data):
            path.mkdir()
        # An image has one Python, which every user may run.
        (folder / "bin").mkdir()
        (folder / "bin" / "python").symlink_to("/usr/bin/python3.11")
        self.path = f"{folder / 'bin'}:/usr/bin:/bin"
        self.environment = {"HOME": str(self.data), "LANG": "C.UTF-8"}

    def moved(self, text: str) -> str:
        text = text.replace("/opt/venv", str(self.venv)).replace("/srv/sparsescope", str(self.srv))
        return re.sub(r"(?<![\w.])/data\b", str(self.data), text)

    def copy(self, names: list[str]) -> None:
        """What git knows of, as the build's context is; `COPY . .` takes all of it."""
        known = subprocess.run(["git", "ls-files", "-z", *names[:-1]], cwd=ROOT, capture_output=True, check=True).stdout
        for name in filter(None, known.decode().split("\0")):
            (self.srv / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, self.srv / name)

    def do(self, word: str, rest: str) -> None:
        if word == "COPY" and not rest.startswith("--from"):
            self.copy(rest.split())
        elif word == "RUN" and "useradd" not in rest:
            print(f"RUN {rest}", flush=True)
            subprocess.run(
                ["sh", "-ec", self.moved(rest)], cwd=self.srv, check=True, env=os.environ | {"PATH": self.path}
            )
        elif word == "ENV":
            for pair in shlex.split(rest):
                key, _, value = pair.partition("=")
                self.environment[key] = self.moved(value).replace("$PATH", self.path)


def check(image: Image, target: str, steps: list[Step]) -> None:
    """Start what the image starts, as its user, who may write to the data alone."""
    command = shlex.split(re.sub(r"[\[\],]", " ", dict(steps)["CMD"]))
    health = shlex.split(re.sub(r"^.*?CMD", "", dict(steps)["HEALTHCHECK"]).strip().strip("[]").replace(",", " ", 2))
    os.chown(image.data, USER, USER)
    os.chmod(image.folder, 0o755)
    environment = image.environment | {"SPARSESCOPE_PORT": "8000"}
    as_user = {"cwd": image.srv, "user": USER, "group": USER, "extra_groups": []}
    command[0], health[0] = f"{image.venv}/bin/{command[0]}", f"{image.venv}/bin/{health[0]}"
    refused = subprocess.run(command, env=environment, capture_output=True, text=True, **as_user)  # type: ignore[call-overload]
    assert refused.returncode and "SPARSESCOPE_TOKEN" in refused.stdout + refused.stderr, "it starts without a token"
    environment["SPARSESCOPE_TOKEN"] = "x" * 32
    if not Path("/dev/nvidiactl").exists():
        environment["SPARSESCOPE_DEVICE"] = "cpu"
    server = subprocess.Popen(command, env=environment, **as_user)  # type: ignore[call-overload]
    try:
        for _ in range(180):
            time.sleep(1)
            assert server.poll() is None, "the server ended"
            if subprocess.run(health, env=environment, capture_output=True, **as_user).returncode == 0:  # type: ignore[call-overload]
                print(f"{target}: the server is up and healthy", flush=True)
                break
        else:
            sys.exit(f"{target}: the server is not healthy after three minutes")
    finally:
        server.terminate()
        server.wait(30)
    owned = [path for path in image.srv.rglob("*") if path.stat().st_uid == USER]
    assert not owned, f"the server wrote to {owned[:3]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=["cpu", "cuda"])
    given = parser.parse_args()
    known = stages()
    with tempfile.TemporaryDirectory() as folder:
        image = Image(Path(folder))
        for word, rest in [*known[f"installed-{given.target}"], *known[given.target]]:
            image.do(word, rest)
        check(image, given.target, known[given.target])


if __name__ == "__main__":
    main()
