"""Which server to talk to, and as whom: argument, then environment, then the profile of `aob`.

The rules are those of the command line, so whatever `aob run list` reaches, a program reaches too:
`AOB_SERVER` and `AOB_TOKEN`, else the profile `AOB_PROFILE` or the current one of the file
`AOB_CONFIG` (`~/.config/aob/config.toml`), else `http://127.0.0.1:7700` without a key.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aob.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Settings"]

_DEFAULT_SERVER = "http://127.0.0.1:7700"


@dataclass(frozen=True)
class Settings:
    """A server, and the key that it knows the caller by."""

    server: str
    """Base URL, without a slash at its end."""
    token: str | None = field(default=None, repr=False)
    """API key (`aob_...`)."""

    @classmethod
    def load(
        cls,
        server: str | None = None,
        token: str | None = None,
        *,
        profile: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Settings:
        """What arguments, environment and profiles say together.

        Raises:
            SettingsError: A file cannot be read, a profile does not exist, or an address is none.
        """
        env = os.environ if environ is None else environ
        stored = _profile(profile or env.get("AOB_PROFILE") or None, env)
        asked = server or env.get("AOB_SERVER") or None
        address = _address(asked or (stored.server if stored else _DEFAULT_SERVER))
        key = token or env.get("AOB_TOKEN") or None
        # A key is shown to no server but the one that it was stored for.
        if key is None and stored is not None and _address(stored.server) == address:
            key = stored.token
        return cls(address, key)


def _profile(name: str | None, env: Mapping[str, str]) -> Settings | None:
    file = _config_file(env)
    if file is None or not file.exists():
        if name is not None:
            raise SettingsError(f"there is no profile `{name}`: {file} does not exist")
        return None
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from error
    chosen = name or document.get("current")
    if chosen is None:
        return None
    profiles = document.get("profiles", {})
    said: Any = profiles.get(chosen) if isinstance(profiles, dict) else None
    if not isinstance(said, dict) or not isinstance(said.get("server"), str):
        raise SettingsError(f"there is no profile `{chosen}` in {file}")
    key = said.get("token")
    return Settings(said["server"], key if isinstance(key, str) else None)


def _config_file(env: Mapping[str, str]) -> Path | None:
    named = env.get("AOB_CONFIG")
    if named:
        return Path(named)
    xdg = env.get("XDG_CONFIG_HOME", "")
    if Path(xdg).is_absolute():
        return Path(xdg, "aob", "config.toml")
    home = env.get("HOME", "")
    return Path(home, ".config", "aob", "config.toml") if Path(home).is_absolute() else None


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable or parts.username is not None or parts.query or parts.fragment:
        raise SettingsError(f"`{text}` is no server: write http://127.0.0.1:7700 or the like")
    return text.rstrip("/")
