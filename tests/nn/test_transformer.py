"""The transformer's parts against torch's."""

import numpy
import pytest
import torch

from tests.nn.parity import compare, normal
from tilegrad import nn

CAUSAL = numpy.triu(numpy.ones((5, 5), bool), 1)
OPTIONS = [{}, {"norm_first": True, "batch_first": True}, {"bias": False, "activation": "gelu"}]
CLOSE = {"rtol": 1e-4, "atol": 1e-4}


@pytest.mark.parametrize("options", OPTIONS)
def test_encoder_layer(options):
    ours = nn.TransformerEncoderLayer(8, 2, 16, 0.0, **options)
    theirs = torch.nn.TransformerEncoderLayer(8, 2, 16, 0.0, **options)
    compare(ours, theirs, normal(5, 2, 8), **CLOSE)
    masks = {"src_mask": CAUSAL if not options.get("batch_first") else CAUSAL[:2, :2]}
    compare(ours, theirs, normal(5, 2, 8), **CLOSE, **masks)


@pytest.mark.parametrize("options", OPTIONS)
def test_decoder_layer(options):
    ours = nn.TransformerDecoderLayer(8, 2, 16, 0.0, **options)
    theirs = torch.nn.TransformerDecoderLayer(8, 2, 16, 0.0, **options)
    target, memory = (normal(5, 2, 8), normal(7, 2, 8))
    if options.get("batch_first"):
        target, memory = target.swapaxes(0, 1).copy(), memory.swapaxes(0, 1).copy()
    compare(ours, theirs, target, memory, **CLOSE)
    compare(ours, theirs, target, memory, tgt_mask=CAUSAL, **CLOSE)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_stacks_of_layers():
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, 0.0), 2, nn.LayerNorm(8))
    reference = torch.nn.TransformerEncoder(
        torch.nn.TransformerEncoderLayer(8, 2, 16, 0.0), 2, torch.nn.LayerNorm(8)
    )
    compare(encoder, reference, normal(5, 2, 8), **CLOSE)
    assert encoder.layers[0].linear1.weight is not encoder.layers[1].linear1.weight


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_the_whole():
    sizes = {"num_encoder_layers": 1, "num_decoder_layers": 2, "dim_feedforward": 16}
    ours = nn.Transformer(8, 2, dropout=0.0, **sizes)
    theirs = torch.nn.Transformer(8, 2, dropout=0.0, **sizes)
    compare(ours, theirs, normal(6, 2, 8), normal(5, 2, 8), **CLOSE)
    hidden = numpy.arange(6) > numpy.array([[3], [4]])
    masks = {"src_key_padding_mask": hidden, "memory_key_padding_mask": hidden}
    padding = {**masks, "tgt_key_padding_mask": hidden[:, :5]}
    compare(ours, theirs, normal(6, 2, 8), normal(5, 2, 8), **CLOSE, **padding)
    mask = nn.Transformer.generate_square_subsequent_mask(4).numpy()
    expected = torch.nn.Transformer.generate_square_subsequent_mask(4).numpy()
    numpy.testing.assert_array_equal(mask, expected)
