"""A run that was cut off goes on from its last snapshot and ends where it would have ended."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import tiny
from app.artifacts import Artifacts
from app.checkpoints import Checkpoints
from app.settings import ROOT
from model.prune import PruneSettings, prune
from model.search import Trial, search
from model.snapshot import SNAPSHOT_EVERY, Snapshot
from model.subject import Subject, load_subject
from model.tasks import TASKS

SETTINGS = PruneSettings(
    n_steps=60,
    lr=0.06,
    n_train_pairs=48,
    n_fresh_pairs=12,
    pairs_per_step=4,
    target_loss_nats=0.75,
    margin_nats=0.0,
    ease_penalty=False,
)
TASK = TASKS[tiny.TASK]


@pytest.fixture(scope="module")
def subject(tiny_bundle: Path) -> Subject:
    return load_subject(tiny_bundle / "models" / tiny.MODEL)


def test_a_run_resumed_from_any_checkpoint_ends_at_the_same_circuit(subject: Subject, tmp_path: Path) -> None:
    held: list[Snapshot] = []
    whole = prune(subject, TASK, SETTINGS, on_snapshot=held.append)
    assert [snapshot.step for snapshot in held] == [SNAPSHOT_EVERY, 2 * SNAPSHOT_EVERY, SETTINGS.n_steps]
    assert len(whole.circuit.nodes) < tiny.N_NODES and not held[0].tensors["alive"].all(), "some were let go"
    checkpoints = Checkpoints(Artifacts(tmp_path))
    for snapshot in held:
        checkpoints.write("job", snapshot)
        read = checkpoints.read("job")
        assert read is not None and checkpoints.job_ids() == ["job"]
        steps = []
        resumed = prune(subject, TASK, SETTINGS, on_step=steps.append, resume=read)
        assert resumed.circuit == whole.circuit
        assert [s.step for s in steps if s.phase == "learning"] == list(range(snapshot.step + 1, SETTINGS.n_steps + 1))
        assert [s.loss_nats for s in resumed.curve] == [s.loss_nats for s in whole.curve], "and its curve is whole"
        assert resumed.elapsed_s > snapshot.numbers["elapsed_s"], "time spent before counts"


def test_a_run_that_ends_early_ends_there_from_any_checkpoint_too(subject: Subject) -> None:
    held: list[Snapshot] = []
    settings = replace(SETTINGS, n_steps=400, patience=40, lr=0.03)
    whole = prune(subject, TASK, settings, on_snapshot=held.append)
    taken = whole.curve[-1].step
    assert held and taken < settings.n_steps and all(snapshot.step < taken for snapshot in held)
    for snapshot in (held[0], held[-1]):
        resumed = prune(subject, TASK, settings, resume=snapshot)
        assert resumed.circuit == whole.circuit and resumed.curve[-1].step == taken


def test_a_run_that_gave_its_warm_start_up_goes_on_from_before_and_after() -> None:
    subject = load_subject(ROOT / "bundle" / "models" / "python-3x128")  # whose warm start loses this task
    settings = PruneSettings(n_steps=60, greedy=False, cut_edges=False, n_train_pairs=128, n_fresh_pairs=64)
    held: list[Snapshot] = []
    whole = prune(subject, TASKS["with_open"], settings, on_snapshot=held.append)
    before, after = ([s for s in held if bool(s.numbers["is_warm"]) is is_warm][0] for is_warm in (True, False))
    assert after.numbers["began"] > before.step
    for snapshot in (before, after):
        assert prune(subject, TASKS["with_open"], settings, resume=snapshot).circuit == whole.circuit


def test_a_snapshot_is_a_copy_that_later_steps_do_not_change(subject: Subject) -> None:
    held: list[tuple[Snapshot, dict[str, torch.Tensor]]] = []

    def keep(snapshot: Snapshot) -> None:
        held.append((snapshot, {name: value.clone() for name, value in snapshot.tensors.items()}))

    prune(subject, TASK, replace(SETTINGS, greedy=False, cut_edges=False), on_snapshot=keep)
    for snapshot, then in held:
        assert all(torch.equal(snapshot.tensors[name], value) for name, value in then.items())
    assert not torch.equal(held[0][1]["tau"], held[-1][1]["tau"])


def test_a_checkpoint_that_cannot_be_read_is_as_none(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path)
    checkpoints = Checkpoints(artifacts)
    assert checkpoints.read("job") is None
    for rubbish in (b"", b"12345678", b"\x02\0\0\0\0\0\0\0{}", b"\xff" * 64):
        artifacts.write("checkpoints/job.safetensors", rubbish)
        assert checkpoints.read("job") is None
    checkpoints.delete("job")
    checkpoints.delete("job")
    assert checkpoints.job_ids() == []


def test_a_search_cut_off_after_a_trial_finds_the_same(subject: Subject) -> None:
    quick = replace(SETTINGS, n_steps=12, greedy=False, cut_edges=False)
    whole = search(subject, TASK, quick, n_trials=3)
    ran: list[tuple[int, Trial]] = []
    resumed = search(
        subject,
        TASK,
        quick,
        n_trials=3,
        done=whole.trials[:2],
        on_trial=lambda number, trial: ran.append((number, trial)),
    )
    assert resumed.trials == whole.trials and resumed.best.circuit == whole.best.circuit
    assert [number for number, _ in ran] == [3], "what was tried before is not run again"
