"""What `tilegrad info` tells: devices, processor, versions, cache, and the settings in force."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib import metadata

import llvmlite.binding
import numpy
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tilegrad.apps.cache import PARTS, measure_cache
from tilegrad.apps.units import format_bytes
from tilegrad.base.settings import Settings
from tilegrad.engine import Session
from tilegrad.runtime.cpu import host
from tilegrad.runtime.cpu.target import CpuTarget, host_target

# The beginnings of LLVM's names of the extensions that compute; the others manage the machine.
_COMPUTING = (
    "sse",
    "avx",
    "fma",
    "f16c",
    "amx",
    "neon",
    "fullfp16",
    "bf16",
    "dotprod",
    "sve",
    "sme",
)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, and rows of a label and a value below it."""

    title: str
    rows: tuple[tuple[str, str], ...]


def describe_installation(session: Session) -> tuple[Section, ...]:
    """Return all that `tilegrad info` shows, as text."""
    target = host_target(session.settings.threads)
    return (
        Section("tilegrad " + metadata.version("tilegrad"), tuple(_versions())),
        Section("processor", tuple(_processor(target))),
        Section("devices", tuple(_devices(session, target))),
        Section("cache", tuple(_cache(session.settings))),
    )


def print_information(session: Session, console: Console) -> None:
    """Print what was found, and the settings; those that differ from their default stand out."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for section in describe_installation(session):
        table.add_row(Text(section.title, "bold"))
        for label, value in section.rows:
            table.add_row(Text(f"  {label}", "cyan"), Text(value))
        table.add_row()
    table.add_row(Text("settings", "bold"))
    for setting in session.settings.describe():
        is_changed = setting.value != setting.default
        value = f"{setting.value} (default {setting.default})" if is_changed else setting.value
        style = "bold yellow" if is_changed else ""
        table.add_row(Text(f"  {setting.variable}", "cyan"), Text(value, style))
    console.print(table)


def _versions() -> list[tuple[str, str]]:
    llvm = ".".join(map(str, llvmlite.binding.llvm_version_info))
    return [
        ("Python", f"{platform.python_version()} ({platform.python_implementation()})"),
        ("NumPy", numpy.__version__),
        ("LLVM", f"{llvm} (llvmlite {metadata.version('llvmlite')})"),
        ("system", f"{platform.system()} {platform.release()} {platform.machine()}"),
    ]


def _processor(target: CpuTarget) -> list[tuple[str, str]]:
    sizes = zip(("L1", "L2", "L3"), (target.l1, target.l2, target.l3), strict=True)
    extensions = [name for name in target.features if name.startswith(_COMPUTING)]
    available, total = host.available_bytes(), host.memory_bytes()
    return [
        ("name", host.model_name()),
        ("cores", f"{host.physical_cores()} with {host.logical_cores()} threads"),
        ("vectors", f"{target.vector_bits} bits"),
        ("instruction sets", " ".join(extensions)),
        ("caches", ", ".join(f"{name} {format_bytes(size)}" for name, size in sizes if size)),
        ("memory", f"{format_bytes(available)} available of {format_bytes(total)}"),
    ]


def _devices(session: Session, target: CpuTarget) -> list[tuple[str, str]]:
    level = session.settings.instruction_set
    threads = f"{target.threads} thread{'s' * (target.threads != 1)}"
    used = target if level is None else target.limited(level)
    limit = "" if level is None else f" ({level} at most)"
    descriptions = {
        "cpu": f"this processor: {threads}, vectors of {used.vector_bits} bits{limit}",
        "reference": "NumPy, op by op: slow, what others are checked against",
    }
    default = session.default_device
    return [
        (name, descriptions.get(name, "") + (" (default)" if name == default else ""))
        for name in session.device_names
    ]


def _cache(settings: Settings) -> list[tuple[str, str]]:
    usage = measure_cache(settings.cache_directory)
    rows = [(PARTS[part], str(used)) for part, used in usage.items()]
    return [("directory", str(settings.cache_directory)), *rows]
