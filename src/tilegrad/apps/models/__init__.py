"""Small, readable definitions of models, for training, benchmarks and examples."""

from tilegrad.apps.models.convnet import ConvNet
from tilegrad.apps.models.gpt import GPT, GPT2_SMALL, GPTConfig
from tilegrad.apps.models.resnet import ResNet, resnet18, resnet34, resnet50

__all__ = [
    "ConvNet",
    "GPT",
    "GPT2_SMALL",
    "GPTConfig",
    "ResNet",
    "resnet18",
    "resnet34",
    "resnet50",
]
