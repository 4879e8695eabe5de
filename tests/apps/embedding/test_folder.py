"""What a folder of sentence-transformers says is heeded, in its older and in its newer words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tilegrad.apps.embedding.folder import is_first_taken, read_config, read_longest
from tilegrad.base.errors import DataError

BERT = {"model_type": "bert", "hidden_act": "gelu"}


def write(folder: Path, name: str, content: Any) -> None:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


def write_pooling(folder: Path, config: dict[str, Any], *others: str) -> None:
    modules = [{"type": "sentence_transformers.models.Transformer", "path": ""}]
    modules += [
        {"type": f"any.module.{name}", "path": f"1_{name}"} for name in ("Pooling", *others)
    ]
    write(folder, "modules.json", modules)
    write(folder, "1_Pooling/config.json", config)


@pytest.mark.parametrize(
    ("config", "is_first"),
    [
        ({"pooling_mode": "mean"}, False),
        ({"pooling_mode": "cls", "include_prompt": True}, True),
        ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, False),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, True),
    ],
)
def test_ways_to_pool(tmp_path: Path, config: dict[str, Any], is_first: bool):
    assert is_first_taken(tmp_path) is False
    write_pooling(tmp_path, config, "Normalize")
    assert is_first_taken(tmp_path) is is_first


@pytest.mark.parametrize(
    "config",
    [
        {"pooling_mode": "max"},
        {"pooling_mode": ["mean", "cls"]},
        {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True},
        {"pooling_mode_lasttoken": True},
        {},
    ],
)
def test_other_ways_are_refused(tmp_path: Path, config: dict[str, Any]):
    write_pooling(tmp_path, config)
    with pytest.raises(DataError, match="way that is not known"):
        is_first_taken(tmp_path)


def test_other_parts_are_refused(tmp_path: Path):
    write_pooling(tmp_path, {"pooling_mode": "mean"}, "Dense")
    with pytest.raises(DataError, match="part that is not known") as caught:
        is_first_taken(tmp_path)
    assert "Dense" in str(caught.value)


def test_the_smallest_limit_holds(tmp_path: Path):
    assert read_longest(tmp_path, 512) == 512
    write(tmp_path, "tokenizer_config.json", {"model_max_length": 10**30})
    write(tmp_path, "sentence_bert_config.json", {"max_seq_length": None})
    assert read_longest(tmp_path, 512) == 512
    write(tmp_path, "tokenizer_config.json", {"model_max_length": 256})
    assert read_longest(tmp_path, 512) == 256
    write(tmp_path, "sentence_bert_config.json", {"max_seq_length": 128})
    assert read_longest(tmp_path, 512) == 128


def test_other_models_are_refused(tmp_path: Path):
    for wrong in ({"model_type": "t5"}, {"position_embedding_type": "relative_key"}):
        write(tmp_path, "config.json", BERT | wrong)
        with pytest.raises(DataError, match="another than those that are known"):
            read_config(tmp_path)
    write(tmp_path, "config.json", BERT)
    assert read_config(tmp_path) == BERT
    write(tmp_path, "config.json", "bert")
    with pytest.raises(DataError, match="says nothing"):
        read_config(tmp_path)
