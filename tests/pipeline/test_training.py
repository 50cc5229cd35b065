import json

import pandas as pd
import pytest
from commands import run

from nucfuse.data.sample import copy_sample

CONFIG = """
steps = 2
epochs = 2
batch = 2
side = 64
validation = 0.2
[network]
widths = [4, 8]
"""


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    copy_sample(folder)
    (folder / "tiny.toml").write_text(CONFIG)
    return folder


def train(sample, out, *options):
    return run(
        "train", sample / "tiny.toml", sample / "truth", "--images", sample / "images",
        "--out", out, *options,
    )  # fmt: skip
