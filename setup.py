"""What a wheel holds beside Python: the folders that an app in a checkout has beside it are laid inside `app/`."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class WithFolders(build_py):
    """An editable install finds the folders where they are."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            for folder in ("static", "templates", "bundle", "docs"):
                self.copy_tree(folder, str(Path(self.build_lib) / "app" / folder))


setup(cmdclass={"build_py": WithFolders})
