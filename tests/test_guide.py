"""The guide is true: its examples run against a server, its links and pictures are there, its text stays text."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app import guide
from app.settings import ROOT
from conftest import Server

HTML = {"accept": "text/html"}
SERVER = "http://127.0.0.1:8000"
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples(slug: str) -> list[tuple[str, str]]:
    """What a page shows to be run: language and text."""
    return [(found[1], found[2]) for found in BLOCK.finditer(guide.page(slug).markdown)]


@pytest.mark.parametrize("slug", guide.PAGES[:-1])
def test_the_examples_of_a_page_run(slug: str, tiny_server: Server, tiny_bundle: Path, tmp_path: Path) -> None:
    blocks = examples(slug)
    assert blocks, "every page has an example"
    shell = f'sparsescope() {{ "{sys.executable}" -m app.cli "$@"; }}\n'
    environment = os.environ | {
        "PYTHONPATH": str(ROOT), "SPARSESCOPE_BUNDLE_DIR": str(tiny_bundle), "SPARSESCOPE_DATA_DIR": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    for language, text in blocks:
        code = text.replace(SERVER, tiny_server.url)
        command = (
            [sys.executable, "-c", code] if language == "python" else ["bash", "-euo", "pipefail", "-c", shell + code]
        )
        ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=180)
        assert ran.returncode == 0, f"{slug}.md\n{code}\n{ran.stdout}\n{ran.stderr}"
        assert ran.stdout, "an example shows what came of it"


def test_every_link_and_picture_of_the_guide_is_there(shared_client: TestClient) -> None:
    listed = shared_client.get("/guide.json").json()
    assert [page["slug"] for page in listed] == list(guide.PAGES)
    seen: set[str] = set()
    for page in listed:
        answer = shared_client.get(page["url"], headers=HTML)
        assert answer.status_code == 200 and "<h1 id=" in answer.text and "<script>" not in answer.text
        seen |= set(re.findall(r'(?:href|src)="(/[^"#]*)', answer.text))
        pictures = re.findall(r'<img src="([^"]+)" alt="([^"]+)"', answer.text)
        assert page["slug"] == "forms" or (pictures and all(alt for _, alt in pictures))
    for path in seen:
        answer = shared_client.get(path, headers=HTML)
        assert answer.status_code == 200, path
        assert not path.endswith(".png") or answer.headers["content-type"] == "image/png"


def test_the_guide_is_markdown_and_nothing_else(shared_client: TestClient) -> None:
    page = shared_client.get("/guide/share.json").json()
    assert page["markdown"] == (ROOT / "docs" / "guide" / "share.md").read_text()
    assert shared_client.get("/guide", headers=HTML).url.path == "/guide/browse"
    missing = shared_client.get("/guide/nonsense.json")
    assert missing.status_code == 404 and "browse, prune, ablate" in missing.json()["error"]["message"]
    for path in ("/guide/screenshots/..%2f..%2fREADME.md", "/guide/..%2f..%2fpyproject.toml"):
        assert shared_client.get(path).status_code == 404
    shown = guide._markdown().render("# A `b` <script>\n\n<img src=x onerror=alert(1)>\n\n[x](javascript:alert(1))\n")
    assert "<script>" not in shown and "<img" not in shown and 'href="javascript' not in shown
    assert '<h1 id="a-b-script">' in shown
