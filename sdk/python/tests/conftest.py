"""What tests share: the product itself, on an empty data folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aob import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[3]


class Product:
    """A running `aob dev`."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self.binary = binary
        self.env = {
            **os.environ,
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder),
            "XDG_DATA_HOME": str(folder),
        }
        for name in ("AOB_SERVER", "AOB_TOKEN", "AOB_PROFILE", "AOB_CONFIG"):
            self.env.pop(name, None)
        self.config = folder / "aob" / "config.toml"
        command = [binary, "dev", "--data", folder / "data", "--port", "0", "-o", "json"]
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, env=self.env
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, (folder / "log").read_text()
        self.server: str = json.loads(line)["server"]

    def token(self) -> str:
        import tomllib

        return tomllib.loads(self.config.read_text())["profiles"]["local"]["token"]

    def client(self) -> Client:
        return Client(self.server, self.token())

    def key(self, name: str, *roles: str) -> str:
        """Token of a new key."""
        with self.client() as client:
            return client.keys.create(name, list(roles)).token

    def aob(self, *arguments: str) -> str:
        """What a command of the product prints."""
        done = subprocess.run(
            [self.binary, *arguments], env=self.env, check=True, capture_output=True, text=True
        )
        return done.stdout

    def stop(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=20)


def binary() -> Path | None:
    named = os.environ.get("AOB_BIN")
    path = Path(named) if named else REPOSITORY / "target" / "debug" / "aob"
    found = path if path.exists() else shutil.which("aob")
    return Path(found) if found else None


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    path = binary()
    if path is None:
        pytest.fail("no `aob` to test against: build it, or set AOB_BIN")
    running = Product(path, tmp_path_factory.mktemp("aob"))
    try:
        yield running
    finally:
        running.stop()
