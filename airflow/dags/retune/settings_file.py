"""Reads a settings file in YAML 1.2 (core schema). The file may hold anything.

PyYAML splits the text into events. What a plain scalar means is decided here: PyYAML follows YAML
1.1, where `no` is false, `1_000` is 1000 and `010` is 8. `YamlFile` does the same for `run_loop`;
`tests/loop-files` holds the files on which both are tested.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from retune.catalogue import shown

MOST_BYTES = 65_536
DEEPEST = 20
SIGNED_64_BIT = range(-(2**63), 2**63)
MOST_DIGITS = 19
# Line breaks, printable characters, and neither tab nor byte order mark nor the line separators
# that are line breaks in YAML 1.1 only.
REFUSED = re.compile(
    "\r(?!\n)|[^\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
UNENCODABLE = re.compile("[\x00\ud800-\udfff]")
CONSTANTS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
DECIMAL = re.compile(r"[-+]?[0-9]+")
OCTAL_OR_HEXADECIMAL = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class SettingsFileError(ValueError):
    """A mistake in a file: a sentence that begins with the file's name."""


def read(file: Path) -> tuple[dict[str, Any], str]:
    """The file's settings and its SHA-256.

    Settings are text, booleans, numbers, None, and lists and mappings of these.
    """
    try:
        content = _content(file)
        return _settings(_text(content)), hashlib.sha256(content).hexdigest()
    except SettingsFileError as error:
        raise SettingsFileError(f"{file.name}{error}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise SettingsFileError(f"{file.name}, line {line}: {error.problem}.") from error
    except (ValueError, OverflowError) as error:  # PyYAML on an escape such as \\UFFFFFFFF
        raise SettingsFileError(f"{file.name}: has an escape that is not a character.") from error


def _content(file: Path) -> bytes:
    if not file.exists():
        raise SettingsFileError(": is a link to a file that does not exist.")
    if not file.is_file():
        raise SettingsFileError(": is not a regular file.")
    try:
        with file.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise SettingsFileError(f": cannot be read ({error.strerror}).") from error
    if len(content) > MOST_BYTES:
        raise SettingsFileError(f": is larger than {MOST_BYTES} bytes.")
    return content


def _text(content: bytes) -> str:
    try:
        text = content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingsFileError(f", line {line}: is not UTF-8; save the file as UTF-8.") from error
    if refused := REFUSED.search(text):
        line = text.count("\n", 0, refused.start()) + 1
        raise SettingsFileError(
            f", line {line}: has the character U+{ord(refused[0]):04X}; use spaces, or write it as "
            f"an escape in double quotes."
        )
    return text


def _settings(text: str) -> dict[str, Any]:
    events = yaml.parse(text, yaml.SafeLoader)
    next(events)  # the stream's start
    start = next(events)
    content: Any = None
    if isinstance(start, yaml.DocumentStartEvent):
        if start.version or start.tags:
            raise _mistake(start, "", "directives such as %YAML are not supported")
        content = _value(next(events), events, "", 0)
        next(events)  # the document's end
        if not isinstance(after := next(events), yaml.StreamEndEvent):
            raise _mistake(after, "", "a second document begins; a file is one")
    if not isinstance(content, dict):
        raise SettingsFileError(": must be settings such as 'name: credit-default'.")
    return content


def _value(event: yaml.Event, events: Iterator[yaml.Event], where: str, depth: int) -> Any:
    if isinstance(event, yaml.NodeEvent) and (event.anchor or getattr(event, "tag", None)):
        raise _mistake(event, where, "anchors, aliases and tags are not supported")
    if depth > DEEPEST:
        raise _mistake(event, where, f"is nested more than {DEEPEST} levels deep")
    if isinstance(event, yaml.ScalarEvent):
        if UNENCODABLE.search(event.value):
            raise _mistake(event, where, "has an escape that is not a character")
        return _plain(event, where) if event.implicit[0] else event.value
    if isinstance(event, yaml.SequenceStartEvent):
        items: list[Any] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(_value(event, events, f"{where}[{len(items)}]", depth + 1))
        return items
    settings: dict[str, Any] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        key = _value(event, events, where, depth + 1)
        if not isinstance(key, str):
            raise _mistake(event, where, f"the key {shown(key)} is not text; put it in quotes")
        name = f"{where}.{shown(key, quote=False)}" if where else shown(key, quote=False)
        if key in settings:
            raise _mistake(event, name, "is there twice")
        settings[key] = _value(next(events), events, name, depth + 1)
    return settings


def _plain(event: yaml.ScalarEvent, where: str) -> str | float | bool | None:
    """What a scalar without quotes means in the core schema of YAML 1.2, section 10.3.2."""
    text = event.value
    if text == "-":
        raise _mistake(event, where, "a hyphen alone is not text; put it in quotes")
    if text in CONSTANTS:
        return CONSTANTS[text]
    if DECIMAL.fullmatch(text):
        digits = text.lstrip("+-0") or "0"
        size = int(digits) if len(digits) <= MOST_DIGITS else SIGNED_64_BIT.stop
        number = -size if text.startswith("-") else size
    elif OCTAL_OR_HEXADECIMAL.fullmatch(text):
        number = int(text, 0)
    elif FLOAT.fullmatch(text) or NOT_FINITE.fullmatch(text):
        value = math.inf if NOT_FINITE.fullmatch(text) else float(text)
        if math.isfinite(value):
            return value
        number = SIGNED_64_BIT.stop
    else:
        return text
    if number not in SIGNED_64_BIT:
        raise _mistake(event, where, f"the number {shown(text, quote=False)} is too large")
    return number


def _mistake(event: yaml.Event, where: str, problem: str) -> SettingsFileError:
    line = event.start_mark.line + 1 if event.start_mark else 1
    key = f" {where}:" if where else ""
    return SettingsFileError(f", line {line}:{key} {problem}.")
