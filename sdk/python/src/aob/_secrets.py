"""Secrets: how they get into a job's configuration, and how they are kept out of what leaves."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from aob.errors import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Redactor", "fill"]

_HIDDEN_CHARS_MIN = 4
"""Shorter values are not hidden: they would be found in every other word."""


class Redactor:
    """Replaces secret values, and their common encodings, by `[secret:<name>]`."""

    def __init__(self) -> None:
        self._hidden: dict[str, str] = {}

    def hide(self, name: str, value: str) -> None:
        """Hides `value` from here on."""
        if len(value.strip()) < _HIDDEN_CHARS_MIN:
            return
        raw = value.encode()
        forms = [
            value,
            value.strip(),
            base64.b64encode(raw).decode(),
            base64.urlsafe_b64encode(raw).decode().rstrip("="),
            quote(value, safe=""),
            quote_plus(value),
            json.dumps(value)[1:-1],
        ]
        for form in forms:
            self._hidden.setdefault(form, f"[secret:{name}]")
        # Longest first, so that a secret inside another one does not leave its rest behind.
        self._hidden = dict(sorted(self._hidden.items(), key=lambda item: -len(item[0])))

    def text(self, text: str) -> str:
        """The text without secrets."""
        for form, mark in self._hidden.items():
            text = text.replace(form, mark)
        return text

    def value(self, value: Any) -> Any:
        """The JSON value without secrets, in strings and keys."""
        if not self._hidden:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        return value


def fill(
    config: Any, slots: Sequence[Mapping[str, Any]], secrets: Mapping[str, str]
) -> tuple[Any, Redactor]:
    """The configuration with secrets in their places, and what keeps them out of everything else.

    Raises:
        Failure: The runner has not been given one of them.
    """
    redactor = Redactor()
    for slot in slots:
        text = ""
        for part in slot["parts"]:
            if "text" in part:
                text += part["text"]
                continue
            name = part["secret"]
            if name not in secrets:
                raise Failure("secret_missing", f"this runner has no secret named `{name}`")
            redactor.hide(name, secrets[name])
            text += secrets[name]
        config = _put(config, slot["pointer"], text)
    return config, redactor


def _put(config: Any, pointer: str, text: str) -> Any:
    if not pointer:
        return text
    *path, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    place = config
    try:
        for part in path:
            place = place[int(part) if isinstance(place, list) else part]
        place[int(last) if isinstance(place, list) else last] = text
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise Failure("secret_slot", f"there is no value at `{pointer}` for a secret") from error
    return config
