"""Files that the app writes beside the database: bytes by name, each written whole or not at all."""

from pathlib import Path


class Artifacts:
    """A folder. Names are made by the app: words and slashes, never what a user gave."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        try:
            part.write_bytes(data)
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise

    def read(self, name: str) -> bytes | None:
        """None where there is none."""
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def delete(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)

    def names(self, under: str) -> list[str]:
        """The names that begin with `under/`, one level deep, in order."""
        folder = self.folder / under
        return sorted(f"{under}/{path.name}" for path in folder.iterdir()) if folder.is_dir() else []
