"""The files by which people deploy, and the command that says what is wrong with what they deployed."""

import json
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from app import cli
from app.database import Database
from app.doctor import Finding, examine
from app.settings import ROOT, Settings

GUIDE = (ROOT / "docs" / "guide" / "deploy.md").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
STAGES = (ROOT / "Dockerfile").read_text().split("\nFROM ")[1:]


def test_the_dockerfile_passes_its_linter() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, "--no-color", ROOT / "Dockerfile"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_an_image_runs_without_rights_and_is_asked_for_its_health(target: str) -> None:
    stage = next(stage for stage in STAGES if stage.partition("\n")[0].endswith(f" AS {target}"))
    user = re.search(r"^USER (\d+)$", stage, re.M)
    assert user and int(user[1]) >= 1000 and "/healthz" in stage and "VOLUME /data" in stage
    assert stage.index("COPY . .") < stage.index("USER "), "the app's own files are not the user's"
    assert "TOKEN" not in stage, "no secret is baked in, so the image asks for one"


def test_what_is_copied_into_an_image_is_no_secret() -> None:
    assert {".git", ".env", "data", ".venv"} <= set((ROOT / ".dockerignore").read_text().split())


def test_compose_is_what_the_compose_specification_allows() -> None:
    """The schema is the specification's own (Apache 2.0), as docker-compose 1.29.2 brings it; `name` came later."""
    schema = json.loads((ROOT / "tests" / "data" / "compose_spec.json").read_text())
    jsonschema.Draft201909Validator.check_schema(schema)
    rest = {key: value for key, value in COMPOSE.items() if key != "name"}
    assert [error.message for error in jsonschema.Draft201909Validator(schema).iter_errors(rest)] == []
    wrong = rest | {"services": {"web": {"image": "x", "port": ["8000"]}}}
    assert list(jsonschema.Draft201909Validator(schema).iter_errors(wrong)), "and a wrong word is found"


def test_compose_starts_the_server_on_postgresql_with_little_rights() -> None:
    web = COMPOSE["services"]["web"]
    assert web["read_only"] and web["cap_drop"] == ["ALL"] and web["ports"] == ["127.0.0.1:8000:8000"]
    assert web["environment"]["SPARSESCOPE_TOKEN"].startswith("${SPARSESCOPE_TOKEN:?")
    assert web["environment"]["DATABASE_URL"].startswith("postgresql://")
    assert COMPOSE["services"]["database"]["healthcheck"] and "ports" not in COMPOSE["services"]["database"]
    for service in COMPOSE["services"].values():
        named = {volume.partition(":")[0] for volume in service["volumes"]}
        assert named <= set(COMPOSE["volumes"])


def test_the_settings_of_the_guide_exist_with_their_defaults() -> None:
    table = GUIDE[GUIDE.index("| setting | default |") : GUIDE.index("A visitor is an address")]
    rows = re.findall(r"^\| `SPARSESCOPE_(\w+)` \| ([^|]+) \|", table, re.M)
    assert len(rows) >= 6
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    for name, said in rows:
        default = defaults[name.lower()]
        words = {None: "none", True: "true", False: "false"}
        shown = f"{default:,}" if type(default) is int else words.get(default)
        assert said.strip().strip("`") == (shown or str(default)), name


def found(settings: Settings, about: str) -> Finding:
    return next(finding for finding in examine(settings) if finding.about == about)


def test_a_sound_installation_has_nothing_to_mend(settings: Settings, database: Database) -> None:
    levels = {finding.about: finding.level for finding in examine(settings) if finding.about != "user"}
    assert levels.pop("worker") == "warn", "no server runs here"
    levels.pop("port"), levels.pop("data")  # as this machine has it
    assert set(levels.values()) == {"ok"} and {"database", "tables", "bundle", "device", "access"} <= set(levels)


def test_the_doctor_says_what_is_wrong(settings: Settings, database_url: str, tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        assert found(settings.model_copy(update={"port": listener.getsockname()[1]}), "port").level == "warn"
    assert "SPARSESCOPE_TOKEN" in found(settings.model_copy(update={"host": "0.0.0.0"}), "access").sentence
    away = settings.model_copy(update={"database_url": f"postgresql://nobody@/none?host={tmp_path}"})
    assert found(away, "database").level == "fail" and "does not answer" in found(away, "database").sentence
    empty = settings.model_copy(update={"bundle_dir": tmp_path / "none"})
    assert found(empty, "bundle").level == "warn"
    broken = settings.data_dir / "models" / "mine"
    broken.mkdir(parents=True)
    (broken / "config.json").write_text("{}")
    assert found(settings, "model").level == "fail" and "mine cannot be loaded" in found(settings, "model").sentence
    old = Database(database_url)
    old.migrate()
    with old.writing() as session:
        session.connection().exec_driver_sql("update alembic_version set version_num = '0001'")
    old.close()
    assert found(settings, "tables").level == "warn"
    result = CliRunner().invoke(cli.app, ["doctor", "--host", "0.0.0.0", "--data-dir", str(settings.data_dir)])
    assert result.exit_code == 1 and "fail  access" in result.output and "→" in result.output
