"""The settings: one frozen record, read once from the environment at the edge of the program.

Each setting stands here once, as a field of `Settings`; its variable (``TILEGRAD_`` and the field's
name in capitals), its parser, what it accepts and its documentation all hang on that field. What
changes generated code is in the explicit compile options instead; `Settings` only fills their
defaults.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Generic, TypeVar

from tilegrad.base.errors import SettingsError

PREFIX = "TILEGRAD_"

T = TypeVar("T")


class LogLevel(enum.Enum):
    """How much is told on the standard error stream, from least to most."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    DEBUG = "debug"


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A kind of value.

    Attributes:
        parse: reads the value from its text; raises KeyError or ValueError if it cannot.
        expected: the texts that are accepted, in words.
        none: the text that stands for None, if None is such a value.
    """

    parse: Callable[[str], T]
    expected: str
    none: str = ""


@dataclass(frozen=True, slots=True)
class SettingDescription:
    """One setting as `tilegrad info` and the reference documentation show it.

    Attributes:
        variable: name of the environment variable.
        value: the value in force, as text.
        default: the value without the variable, as text.
        expected: the values that the variable accepts.
        documentation: what the setting does.
    """

    variable: str
    value: str
    default: str
    expected: str
    documentation: str


def _parse_boolean(text: str) -> bool:
    return {"1": True, "on": True, "true": True, "0": False, "off": False, "false": False}[text]


def _parse_switch(text: str) -> bool | None:
    return None if text == "auto" else _parse_boolean(text)


def _parse_threads(text: str) -> int | None:
    if text == "auto":
        return None
    count = int(text)
    if not 1 <= count <= 4096:
        raise ValueError(text)
    return count


def _parse_device(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*(:\d+)?", text):
        raise ValueError(text)
    return text


INSTRUCTION_SETS = ("avx512", "avx2", "sse4.2", "sse2", "neon")
"""The names of `Settings.instruction_set`, from wide to narrow."""


def _parse_instruction_set(text: str) -> str | None:
    if text == "native":
        return None
    if text not in INSTRUCTION_SETS:
        raise ValueError(text)
    return text


def _parse_path(text: str) -> Path:
    if "\0" in text:
        raise ValueError(text)
    return Path(text).expanduser().absolute()


BOOLEAN = Kind(_parse_boolean, "1, on, true, 0, off or false")
SWITCH = Kind(_parse_switch, "auto, 1, on, true, 0, off or false", none="auto")
THREADS = Kind(_parse_threads, "auto, or a whole number from 1 to 4096", none="auto")
DEVICE = Kind(_parse_device, "a device name such as cpu, reference or cuda:1")
INSTRUCTION_SET = Kind(
    _parse_instruction_set, f"native, or one of {', '.join(INSTRUCTION_SETS)}", none="native"
)
PATH = Kind(_parse_path, "a path")
SECRET = Kind(str, "any text", none="none")
LOG_LEVEL = Kind(LogLevel, "error, warning, info or debug")


def _describe(kind: Kind[Any], documentation: str) -> dict[str, Any]:
    """Return the metadata of a field of `Settings`."""
    return {"kind": kind, "documentation": documentation}


def _home_cache_directory() -> Path:
    return Path.home() / ".cache" / "tilegrad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of a session; the defaults are those of an empty environment.

    Each field's documentation, and the values its variable accepts, are in its metadata; `describe`
    shows them with the values in force.
    """

    device: str = field(
        default="cpu",
        metadata=_describe(
            DEVICE, "The device of tensors that are created without one being named."
        ),
    )
    threads: int | None = field(
        default=None,
        metadata=_describe(
            THREADS,
            "How many threads a kernel on the CPU may use; auto is one for each core that the "
            "process may run on.",
        ),
    )
    instruction_set: str | None = field(
        default=None,
        metadata=_describe(
            INSTRUCTION_SET,
            "The newest instruction set that generated CPU code may use; native is all that the "
            "machine has. It can take away from that, not add to it.",
        ),
    )
    cache: bool = field(
        default=True,
        metadata=_describe(
            BOOLEAN, "Whether compiled kernels are kept on disk and found there again."
        ),
    )
    cache_directory: Path = field(
        default_factory=_home_cache_directory,
        metadata=_describe(
            PATH,
            "Where compiled kernels and downloaded data sets are kept; by default the folder "
            "tilegrad in the one that XDG_CACHE_HOME names, or in ~/.cache.",
        ),
    )
    trace: Path | None = field(
        default=None,
        metadata=_describe(
            Kind(_parse_path, "a path", none="none"),
            "A file to write the trace to: one JSON object a line if its name ends in .jsonl, else "
            "the Chrome format, which Perfetto opens.",
        ),
    )
    verify: bool = field(
        default=False,
        metadata=_describe(
            BOOLEAN, "Whether every stage's result is verified against its dialect."
        ),
    )
    log_level: LogLevel = field(
        default=LogLevel.WARNING,
        metadata=_describe(LOG_LEVEL, "How much is told on the standard error stream."),
    )
    progress: bool | None = field(
        default=None,
        metadata=_describe(
            SWITCH,
            "Whether long work shows its progress; auto shows it where the standard error stream "
            "is a terminal.",
        ),
    )
    api_key: str | None = field(
        default=None,
        repr=False,
        metadata=_describe(
            SECRET, "The key that `tilegrad serve` asks its clients for; none lets everyone in."
        ),
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings from environment variables.

        Args:
            environment: the variables, usually ``os.environ``; only those whose name begins with
                ``TILEGRAD_``, and ``XDG_CACHE_HOME``, are looked at. An empty value counts as none.

        Raises:
            SettingsError: a ``TILEGRAD_`` variable is unknown or has a value that makes no sense.
        """
        known = {variable_name(setting.name): setting for setting in fields(cls)}
        values: dict[str, Any] = {"cache_directory": _default_cache_directory(environment)}
        for variable, text in environment.items():
            if not variable.startswith(PREFIX):
                continue
            setting = known.get(variable)
            if setting is None:
                raise _unknown_variable(variable, list(known))
            if text:
                values[setting.name] = _parse(variable, text, setting.metadata["kind"])
        return cls(**values)

    def describe(self) -> tuple[SettingDescription, ...]:
        """Return every setting with its value in force, in the order of their definition."""
        defaults = Settings()
        return tuple(
            SettingDescription(
                variable=variable_name(setting.name),
                value=_show(getattr(self, setting.name), setting.metadata["kind"]),
                default=_show(getattr(defaults, setting.name), setting.metadata["kind"]),
                expected=setting.metadata["kind"].expected,
                documentation=setting.metadata["documentation"],
            )
            for setting in fields(self)
        )


def variable_name(setting: str) -> str:
    """Return the environment variable of a setting: ``TILEGRAD_THREADS`` for ``threads``."""
    return PREFIX + setting.upper()


def _default_cache_directory(environment: Mapping[str, str]) -> Path:
    # The XDG base directory specification: a relative path there is invalid and to be ignored.
    base = Path(environment.get("XDG_CACHE_HOME", ""))
    return base / "tilegrad" if base.is_absolute() else _home_cache_directory()


def _parse(variable: str, text: str, kind: Kind[Any]) -> Any:
    try:
        return kind.parse(text)
    except (KeyError, ValueError, RuntimeError) as error:
        raise SettingsError(
            f"The environment variable {variable} has a value that makes no sense",
            got=repr(text),
            expected=kind.expected,
            mend=f"set {variable} to such a value, or unset it",
        ) from error


def _unknown_variable(variable: str, known: list[str]) -> SettingsError:
    import difflib

    # Without the prefix that all share, or every name would be near.
    endings = {name.removeprefix(PREFIX): name for name in known}
    near = difflib.get_close_matches(variable.removeprefix(PREFIX), endings, n=1)
    return SettingsError(
        f"The environment variable {variable} is no setting of tilegrad",
        got=variable,
        expected="one of " + ", ".join(known),
        mend=f"did you mean {endings[near[0]]}?" if near else f"unset {variable}",
    )


def _show(value: object, kind: Kind[Any]) -> str:
    if value is None:
        return kind.none
    if kind is SECRET:
        return "set"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, LogLevel):
        return value.value
    if isinstance(value, Path) and value.is_relative_to(Path.home()):
        return str("~" / value.relative_to(Path.home()))
    return str(value)
