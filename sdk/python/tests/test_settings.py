"""Which server a program talks to, and as whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aob import Settings, SettingsError

if TYPE_CHECKING:
    from pathlib import Path

PROFILES = """
current = "local"

[profiles.local]
server = "http://127.0.0.1:7701"
token = "aob_local"

[profiles.live]
server = "https://aob.example.com/base/"
token = "aob_live"

[profiles.broken]
token = "aob_nowhere"
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    file = tmp_path / ".config" / "aob" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(PROFILES)
    return tmp_path


@pytest.mark.parametrize(
    ("given", "environ", "expected"),
    [
        ({}, {}, ("http://127.0.0.1:7701", "aob_local")),
        ({"profile": "live"}, {}, ("https://aob.example.com/base", "aob_live")),
        ({}, {"AOB_PROFILE": "live"}, ("https://aob.example.com/base", "aob_live")),
        ({"profile": "local"}, {"AOB_PROFILE": "live"}, ("http://127.0.0.1:7701", "aob_local")),
        ({}, {"AOB_TOKEN": "aob_own"}, ("http://127.0.0.1:7701", "aob_own")),
        ({"token": "aob_arg"}, {"AOB_TOKEN": "aob_own"}, ("http://127.0.0.1:7701", "aob_arg")),
        # A key is shown to no server but the one that it was stored for.
        ({"server": "https://evil.example"}, {}, ("https://evil.example", None)),
        ({}, {"AOB_SERVER": "https://evil.example"}, ("https://evil.example", None)),
        ({"server": "http://127.0.0.1:7701/"}, {}, ("http://127.0.0.1:7701", "aob_local")),
    ],
)
def test_argument_then_environment_then_profile(
    home: Path, given: dict, environ: dict, expected: tuple
) -> None:
    settings = Settings.load(**given, environ={"HOME": str(home), **environ})
    assert (settings.server, settings.token) == expected


def test_without_anything_it_is_the_server_of_aob_dev(tmp_path: Path) -> None:
    settings = Settings.load(environ={"HOME": str(tmp_path)})
    assert settings == Settings("http://127.0.0.1:7700", None)


def test_the_file_is_found_where_the_command_line_finds_it(home: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('current = "a"\n[profiles.a]\nserver = "http://a"\n')
    assert Settings.load(environ={"HOME": str(home), "AOB_CONFIG": str(own)}).server == "http://a"
    xdg = {"XDG_CONFIG_HOME": str(home / ".config"), "HOME": "/nowhere"}
    assert Settings.load(environ=xdg).token == "aob_local"


@pytest.mark.parametrize(
    "given",
    [
        {"profile": "unknown"},
        {"profile": "broken"},
        {"server": "localhost:7700"},
        {"server": "ftp://x"},
        {"server": "http://user:password@host"},
        {"server": "http://host/?q"},
        {"server": "http://[::1"},
    ],
)
def test_what_names_no_server_is_refused(home: Path, given: dict) -> None:
    with pytest.raises(SettingsError):
        Settings.load(**given, environ={"HOME": str(home)})


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "config.toml"
    broken.write_text("not toml at all [")
    with pytest.raises(SettingsError, match="config.toml"):
        Settings.load(environ={"AOB_CONFIG": str(broken)})


def test_the_token_is_not_shown() -> None:
    assert "secret" not in repr(Settings("http://a", "secret"))
