"""What can be set from outside: environment variables `SPARSESCOPE_*`, or arguments of `Settings`."""

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent


def shipped(name: str) -> Path:
    """A folder that comes with the app: inside it where it is installed from a wheel, beside it in a checkout."""
    inside = Path(__file__).resolve().parent / name
    return inside if inside.is_dir() else ROOT / name


STATIC_FOLDER = shipped("static")


class Settings(BaseSettings):
    """Where things are and how much is allowed. Processes that share a database share a `data_dir`."""

    model_config = SettingsConfigDict(env_prefix="SPARSESCOPE_", frozen=True)

    data_dir: Path = Field(Path("data"), description="own models, the database, locks of running workers")
    bundle_dir: Path = Field(shipped("bundle"), description="models and circuits that come with the app")
    database_url: str | None = Field(
        None,
        validation_alias=AliasChoices("SPARSESCOPE_DATABASE_URL", "database_url"),  # the latter is DATABASE_URL too
        description="postgresql://... or sqlite:///...; without it, SQLite in data_dir",
    )
    artifacts: str | None = Field(
        None, description="a folder or an fsspec address (s3://bucket/folder) for checkpoints; else data_dir/artifacts"
    )
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1, mps")
    log: Literal["text", "json"] = Field("text", description="a sentence a line, or an object a line")
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    processes: int = Field(1, ge=1, le=64, description="that answer requests on one port; jobs run in processes apart")
    model_memory_bytes: int = Field(
        8_000_000_000, ge=1, description="loaded models of a process take up at most this; the least recent is dropped"
    )
    engine: Literal["local", "ray"] = Field("local", description="where jobs run: worker processes here, or Ray")
    ray_address: str | None = Field(None, description="of a Ray cluster; without it one is started on this machine")
    ray_slots: int = Field(0, ge=0, description="workers on Ray at most; 0: one a GPU or, without GPUs, one a CPU")
    worker: bool = Field(True, description="run queued jobs, in processes beside this one")
    n_workers: int = Field(1, ge=1, le=64, description="worker processes; each runs one job at a time")
    worker_niceness: int = Field(5, ge=0, le=19, description="of worker processes: pages come first")
    most_losses: int = Field(3, ge=0, description="how often a job may lose its worker at one place before it fails")
    n_measured_pairs: int = Field(256, ge=2, le=512, description="held-out pairs that new circuits are measured on")
    sparsity_origin: str | None = Field(
        None, description="a site whose pages may read /sparsity/ from a browser, or *; else only servers and this site"
    )
    max_body_bytes: int = Field(1_000_000, ge=1_000)
    max_answer_bytes: int = Field(64_000_000, ge=1_000_000, description="files and event streams are not counted")
    kept_bytes: int = Field(64_000_000, ge=0, description="rendered pages and data that are sent again as they were")
    token: SecretStr | None = Field(None, description="what those who may start jobs, add models and edit must show")
    read_only: bool = Field(False, description="nobody may; the server needs no token then")
    computations_per_minute: int = Field(240, ge=1, description="of each visitor without the token")
    computations_at_once: int = Field(8, ge=1, description="of each visitor without the token")
    computing_slots: int = Field(
        0, ge=0, le=32, description="panels, and experiments, that a process computes at once; 0: as many as cores"
    )
    jobs_per_visitor: int = Field(20, ge=1, description="that wait or run; joining one is always allowed")
    jobs_in_all: int = Field(500, ge=1, description="that wait or run, of all visitors")
    sweep_prompts_at_once: int = Field(
        250_000, ge=0, description="prompts that a sweep may run within a request; a larger one is a job"
    )
    max_circuit_bytes: int = Field(256_000_000, ge=1_000, description="of a file that is imported as a circuit")
    max_model_bytes: int = Field(4_000_000_000, ge=1_000, description="of a model that is added, unpacked")

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{(self.data_dir / 'sparsescope.db').resolve()}"

    @property
    def artifacts_address(self) -> str:
        if self.artifacts and "://" in self.artifacts:
            return self.artifacts
        return str((Path(self.artifacts) if self.artifacts else self.data_dir / "artifacts").resolve())

    @property
    def facts_dir(self) -> Path:
        return self.data_dir / "facts"

    @property
    def model_dirs(self) -> list[Path]:
        return [self.bundle_dir / "models", self.data_dir / "models"]
