"""What is found out about the machine, and targets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tilegrad.base.errors import ArgumentError, DeviceError
from tilegrad.runtime.cpu import host
from tilegrad.runtime.cpu.device import cpu_device
from tilegrad.runtime.cpu.native import native_source
from tilegrad.runtime.cpu.target import foreign_target, host_target


def test_cores():
    assert 1 <= host.physical_cores() <= host.logical_cores() <= len(os.sched_getaffinity(0))


def test_cores_follow_the_affinity():
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert host.logical_cores() == host.physical_cores() == 1
        assert host_target().threads == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_caches_and_memory():
    caches = host.cache_sizes()
    assert 8 << 10 <= caches.l1 <= caches.l2
    assert 0 < host.available_bytes() <= host.memory_bytes()
    assert host.model_name()


def test_amx_permission_needs_the_processor():
    if not host_target().has("amx-tile"):
        assert not host.request_amx()


def test_host_target():
    target = host_target()
    assert target == host_target()
    assert hash(target) == hash(host_target())
    assert target.key in str(target)
    if target.architecture == "x86_64":
        assert target.has("sse2")
        assert target.vector_bits == (
            512 if target.has("avx512f") else 256 if target.has("avx") else 128
        )


def test_what_llvm_says_of_the_machine_is_kept():
    kept: dict[str, bytes] = {}

    class Cache:
        get = staticmethod(kept.get)
        put = staticmethod(kept.__setitem__)

    assert host_target(cache=Cache()) == host_target()
    (key,) = kept
    kept[key] = b"x86_64-unknown-linux-gnu avx sse2"
    assert host_target(cache=Cache()).features == ("avx", "sse2")


def test_features_of_the_processor_are_found():
    """The kernel's list and LLVM's agree."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    for ours in ("avx", "avx2", "fma", "avx512f", "avx512bw", "f16c"):
        assert host_target().has(ours) == (ours in flags)


@pytest.mark.parametrize(
    ("level", "bits", "gone", "kept"),
    [
        ("avx512", 512, "amx-tile", "avx512f"),
        ("avx2", 256, "avx512f", "avx2"),
        ("sse4.2", 128, "avx", "sse4.2"),
        ("sse2", 128, "sse4.2", "sse2"),
    ],
)
def test_levels(level, bits, gone, kept):
    features = ("sse2", "sse4.2", "avx", "avx2", "fma", "avx512f", "amx-tile")
    target = foreign_target("x86_64-unknown-linux-gnu", features=features).limited(level)
    assert target.vector_bits == bits
    assert target.has(kept)
    assert not target.has(gone)
    assert target.limited(level) == target


def test_unknown_level():
    with pytest.raises(ArgumentError, match="instruction set") as caught:
        cpu_device(features="mmx")
    assert "avx2" in str(caught.value)


def test_foreign_target():
    target = foreign_target(
        "aarch64-unknown-linux-gnu", cpu="neoverse-v1", features=("neon", "bf16")
    )
    assert (target.architecture, target.vector_bits) == ("aarch64", 128)
    assert target.feature_text == "+bf16,+neon"


def test_device_without_threads():
    with pytest.raises(ArgumentError, match="thread"):
        cpu_device(threads=0)


def test_architecture_without_native_part():
    with pytest.raises(DeviceError, match="architecture"):
        native_source("riscv64")
