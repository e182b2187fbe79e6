"""What tests share: the product itself.

By default it is an `aob dev` on an empty data folder (AOB_BIN says which). With `AOB_SDK_REMOTE=1`
it is the server that AOB_SERVER and AOB_TOKEN name, so the same tests run on the production stack:

    AOB_SDK_REMOTE=1 scripts/stack run -- scripts/sdk-test tests/test_product.py
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aob import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[3]


class Product:
    """A server, and the command line that goes with it."""

    def __init__(self, server: str, token: str, binary: Path, env: dict[str, str]) -> None:
        self.server = server
        self.streams = env.get("AOB_STREAMS", server)
        """Where streams are, if a process of its own serves them."""
        self.binary = binary
        self.env = env
        self._token = token

    def token(self) -> str:
        """Key of somebody who may do everything."""
        return self._token

    def client(self) -> Client:
        return Client(self.server, self._token)

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


def binary() -> Path:
    named = os.environ.get("AOB_BIN")
    path = Path(named) if named else REPOSITORY / "target" / "debug" / "aob"
    found = path if path.exists() else shutil.which("aob")
    if not found:
        pytest.fail("no `aob` to test against: build it, or set AOB_BIN")
    return Path(found)


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("aob")
    places = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), str(folder))
    env = {**os.environ, **places}
    if os.environ.get("AOB_SDK_REMOTE"):
        yield Product(env["AOB_SERVER"], env["AOB_TOKEN"], binary(), env)
        return
    for name in ("AOB_SERVER", "AOB_TOKEN", "AOB_PROFILE", "AOB_CONFIG"):
        env.pop(name, None)
    command = [binary(), "dev", "--data", folder / "data", "--port", "0", "-o", "json"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=env)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (folder / "log").read_text()
        profiles = tomllib.loads((folder / "aob" / "config.toml").read_text())["profiles"]
        yield Product(json.loads(line)["server"], profiles["local"]["token"], binary(), env)
    finally:
        process.terminate()
        process.communicate(timeout=20)
