"""What the README tells people to type works."""

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from nucfuse import cli
from nucfuse.data.readers.raster import read_labels, write_label_png
from nucfuse.data.sample_images import sample_folder

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def stage1_train(tmp_path, monkeypatch):
    """Three sample images laid out as Kaggle's training set, in the current folder."""
    for path in sorted((sample_folder() / "images").glob("*.png"))[:3]:
        folder = tmp_path / "stage1_train" / path.stem
        (folder / "images").mkdir(parents=True)
        (folder / "masks").mkdir()
        shutil.copy(path, folder / "images")
        labels = read_labels(sample_folder() / "truth" / path.name)
        for value in np.unique(labels[labels > 0]):
            mask = np.where(labels == value, 255, 0)
            write_label_png(folder / "masks" / f"{value:03}.png", mask)
    monkeypatch.chdir(tmp_path)


def commands():
    """The indented lines that call nucfuse with real names (not TRUTH, PRED)."""
    lines = re.findall(r"^    (nucfuse .+)$", README, re.MULTILINE)
    return [line for line in lines if not re.search(r"\b[A-Z]{2,}\b", line)]


def test_results_are_made_by_these_commands(stage1_train):
    said = ""
    for line in commands():
        result = CliRunner().invoke(cli.main, shlex.split(line)[1:])
        assert result.exit_code == 0, result.output
        said += result.stdout
    assert "fused: by modality" in said
    assert "fused minus otsu" in said


def test_python_example_runs(capsys):
    (code,) = re.findall(r"```python\n(.+?)```", README, re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("0.5\n")


@pytest.mark.parametrize("word", ["make demo", "make test"])
def test_make_targets_exist(word):
    assert word in README
    assert re.search(rf"^{word.split()[1]}( .*)?:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_commands_named_are_commands():
    for name in re.findall(r"`nucfuse (\w+)", README):
        assert name in cli.main.commands
