"""The modules that a page asks for ahead are those that its script imports."""

from pathlib import Path

from fastapi.testclient import TestClient

from app.assets import asset
from app.modules import modules_of
from app.settings import ROOT


def test_imports_are_followed_to_their_end_and_named_once(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('import { x } from "./b.js";\nimport {\n  y,\n} from "./c.js";\n')
    (tmp_path / "b.js").write_text('import "./c.js";\nexport { z } from "./a.js";\n')
    (tmp_path / "c.js").write_text('const text = `import no from "./d.js"`;\n')
    assert modules_of("a.js", tmp_path) == ("b.js", "c.js")


def test_the_explorer_asks_for_all_it_needs(shared_client: TestClient, circuit_id: str) -> None:
    page = shared_client.get(f"/circuits/{circuit_id}", headers={"accept": "text/html"}).text
    modules = modules_of("explorer.js")
    assert len(modules) == len(set(modules)) > 30
    for name in modules:
        assert (ROOT / "static" / name).is_file(), name
        assert f'<link rel="modulepreload" href="{asset(name)}">' in page
