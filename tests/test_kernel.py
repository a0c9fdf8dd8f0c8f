"""Where compiled kernels are kept."""

from pathlib import Path

import pytest

from model.sparse import kernel


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder that NUMBA_CACHE_DIR would name."""
    monkeypatch.setattr(kernel.settings, "CACHE_DIR", str(tmp_path / "kernels"))
    return tmp_path / "kernels"


def test_they_are_kept_where_the_environment_says_by_the_content_of_their_source(asked: Path) -> None:
    folder = kernel._cache_folder.__wrapped__()
    assert folder is not None and folder.parent == asked and folder.is_dir()


def test_a_place_that_cannot_be_written_is_passed_over(asked: Path) -> None:
    asked.write_text("a file where a folder should be")
    assert kernel._cache_folder.__wrapped__().parent == Path(kernel.__file__).parent / "__pycache__"


def test_without_any_place_they_are_compiled_for_this_process_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(dir: Path) -> None:
        raise OSError("no space left on device")

    def doubled(x: int) -> int:
        return 2 * x

    monkeypatch.setattr(kernel, "TemporaryFile", full)
    nowhere = kernel._cache_folder.__wrapped__()
    assert nowhere is None
    monkeypatch.setattr(kernel, "_cache_folder", lambda: nowhere)
    assert kernel.kernel(doubled)(21) == 42
