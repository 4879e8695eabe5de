"""The settings read what they document, and refuse everything else with a useful message."""

from __future__ import annotations

import contextlib
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilegrad.base.errors import SettingsError
from tilegrad.base.settings import LogLevel, Settings, variable_name


def test_an_empty_environment_gives_the_defaults():
    assert Settings.from_environment({}) == Settings()


def test_other_variables_are_not_looked_at():
    assert Settings.from_environment({"PATH": "/bin", "NOT_TILEGRAD_THREADS": "?"}) == Settings()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("device", "reference", "reference"),
        ("device", "cuda:1", "cuda:1"),
        ("threads", "8", 8),
        ("threads", "auto", None),
        ("instruction_set", "avx2", "avx2"),
        ("instruction_set", "native", None),
        ("cache", "0", False),
        ("cache_directory", "/somewhere", Path("/somewhere")),
        ("trace", "/tmp/trace.jsonl", Path("/tmp/trace.jsonl")),
        ("verify", "1", True),
        ("log_level", "debug", LogLevel.DEBUG),
        ("progress", "auto", None),
        ("progress", "true", True),
        ("api_key", "open sesame", "open sesame"),
    ],
)
def test_a_value_is_read(name, text, value):
    settings = Settings.from_environment({variable_name(name): text})
    assert getattr(settings, name) == value


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("TILEGRAD_DEVICE", "CPU 1"),
        ("TILEGRAD_THREADS", "0"),
        ("TILEGRAD_THREADS", "many"),
        ("TILEGRAD_INSTRUCTION_SET", "avx3"),
        ("TILEGRAD_LOG_LEVEL", "loud"),
        ("TILEGRAD_PROGRESS", "2"),
        ("TILEGRAD_TRACE", "a\0b"),
    ],
)
def test_a_value_without_sense_is_refused(variable, text):
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({variable: text})
    assert variable in caught.value.what
    assert caught.value.got == repr(text)
    assert caught.value.expected
    assert caught.value.mend


def test_an_empty_value_counts_as_none():
    assert Settings.from_environment({variable_name(f.name): "" for f in fields(Settings)}) == (
        Settings()
    )


def test_an_unknown_variable_is_refused_with_a_suggestion():
    with pytest.raises(SettingsError, match="did you mean TILEGRAD_THREADS"):
        Settings.from_environment({"TILEGRAD_THREAD": "2"})


def test_an_unknown_variable_near_none_is_refused_too():
    with pytest.raises(SettingsError, match="unset TILEGRAD_QQ"):
        Settings.from_environment({"TILEGRAD_QQ": ""})


def test_the_cache_follows_the_base_directory_specification():
    def directory(**environment):
        return Settings.from_environment(environment).cache_directory

    assert directory(XDG_CACHE_HOME="/caches") == Path("/caches/tilegrad")
    assert directory(XDG_CACHE_HOME="relative") == Path.home() / ".cache" / "tilegrad"
    assert directory(XDG_CACHE_HOME="/a", TILEGRAD_CACHE_DIRECTORY="/b") == Path("/b")


def test_settings_are_frozen():
    with pytest.raises(FrozenInstanceError):
        Settings().device = "reference"


def test_every_setting_is_documented():
    descriptions = Settings().describe()
    assert len(descriptions) == len(fields(Settings))
    for description in descriptions:
        assert description.variable.startswith("TILEGRAD_")
        assert description.documentation.endswith(".")
        assert description.expected


def test_what_is_shown_is_what_is_read():
    """Every shown value can be set again, and gives the same settings."""
    settings = Settings.from_environment(
        {"TILEGRAD_INSTRUCTION_SET": "sse2", "TILEGRAD_THREADS": "3", "TILEGRAD_CACHE": "off"}
    )
    apart = {"TILEGRAD_TRACE", "TILEGRAD_API_KEY"}  # any text is one, "none" too
    shown = {d.variable: d.value for d in settings.describe() if d.variable not in apart}
    assert Settings.from_environment(shown) == settings


@given(st.dictionaries(st.sampled_from([f.name for f in fields(Settings)]), st.text()))
def test_any_text_gives_settings_or_a_settings_error(texts):
    with contextlib.suppress(SettingsError):
        Settings.from_environment({variable_name(name): text for name, text in texts.items()})


def test_a_key_is_never_shown():
    settings = Settings(api_key="open sesame")
    assert "sesame" not in repr(settings)
    assert "sesame" not in repr(settings.describe())
