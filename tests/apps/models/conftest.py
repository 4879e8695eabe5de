"""The tests of networks compare meanings, so they run on the reference device."""

import dataclasses
import os

import pytest

from tilegrad.base.settings import Settings
from tilegrad.engine import Session


@pytest.fixture(autouse=True)
def reference_session():
    settings = dataclasses.replace(Settings.from_environment(os.environ), device="reference")
    with Session(settings).entered() as session:
        yield session
