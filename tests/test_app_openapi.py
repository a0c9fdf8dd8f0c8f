"""The OpenAPI document is whole, and what is generated from it is what the repository holds."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app import cli
from app.settings import ROOT


@pytest.fixture(scope="session")
def printed() -> str:
    result = CliRunner().invoke(cli.app, ["openapi"])
    assert result.exit_code == 0
    return result.stdout


@pytest.fixture(scope="session")
def document(printed: str) -> dict[str, Any]:
    return json.loads(printed)  # type: ignore[no-any-return]


def test_openapi_json_is_not_stale(printed: str) -> None:
    assert (ROOT / "openapi.json").read_text() == printed, "run `make openapi`"


def test_the_types_of_the_scripts_are_not_stale(tmp_path: Path) -> None:
    generator = ROOT / "node_modules" / ".bin" / "openapi-typescript"
    if not generator.exists() or not shutil.which("node"):
        pytest.skip("run `npm ci` first")
    written = tmp_path / "schema.d.ts"
    command = [str(generator), "openapi.json", "-o", str(written)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert written.read_text() == (ROOT / "static" / "schema.d.ts").read_text(), "run `make openapi`"


def test_every_route_says_what_it_does_and_how_it_refuses(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["summary"][0].isupper() and " " in operation["summary"], path
            for status, response in operation["responses"].items():
                if status[0] == "4":
                    schema = response["content"]["application/json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/ErrorAnswer"}, (path, status)
            assert not ("{" in path and "404" not in operation["responses"]), path


def test_all_that_crosses_the_wire_is_in_the_document(document: dict[str, Any]) -> None:
    names = set(document["components"]["schemas"])
    assert {"CircuitDetail", "NodeDetail", "Ablation", "RunAnswer", "Job", "StepEvent", "ModelDetail"} <= names
    assert not [name for name in names if name.endswith(("-Input", "-Output"))]
    assert "HTTPValidationError" not in names
