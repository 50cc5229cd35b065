"""What README and docs tell people to type works, and their links lead somewhere."""

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
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "nucfuse/sample/README.md"]
PAGES += sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))


def commands(page):
    """The indented lines that call nucfuse with real names (not TRUTH, PRED)."""
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = re.findall(r"^    (nucfuse .+)$", text, re.MULTILINE)
    return [line for line in lines if not re.search(r"\b[A-Z]{2,}\b", line)]


def run(line):
    result = CliRunner().invoke(cli.main, shlex.split(line)[1:])
    # The doctor's code says whether it found something.
    assert result.exit_code in ((0, 1) if "doctor" in line else (0,)), result.output
    return result.stdout


def sample_names():
    """File names of the three smallest sample images, so that networks take seconds."""
    images = sorted((sample_folder() / "images").glob("*.png"), key=lambda p: p.stat().st_size)
    return [path.name for path in images[:3]]


@pytest.fixture
def stage1_train(tmp_path, monkeypatch):
    """Three sample images laid out as Kaggle's training set, in the current folder."""
    for name in sample_names():
        folder = tmp_path / "stage1_train" / Path(name).stem
        (folder / "images").mkdir(parents=True)
        (folder / "masks").mkdir()
        shutil.copy(sample_folder() / "images" / name, folder / "images")
        labels = read_labels(sample_folder() / "truth" / name)
        for value in np.unique(labels[labels > 0]):
            mask = np.where(labels == value, 255, 0)
            write_label_png(folder / "masks" / f"{value:03}.png", mask)
    monkeypatch.chdir(tmp_path)


def test_results_are_made_by_these_commands(stage1_train):
    said = "".join(map(run, commands("docs/results.md")))
    assert "fused: by modality" in said
    assert "fused minus otsu" in said


def test_commands_run_as_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, *others = [line for line in commands("README.md") if line != "nucfuse warm-up"]
    run(first)
    for path in tmp_path.glob("sample/*/*.png"):
        if path.name not in sample_names():
            path.unlink()
    said = "".join(map(run, others))
    assert "by modality" in said
    assert "fused minus otsu" in said
    assert (tmp_path / "scores" / "per_image.csv").exists()


def test_python_example_runs(tmp_path, monkeypatch, capsys):
    (code,) = re.findall(r"```python\n(.+?)```", README, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    for folder, name in (("images", "image.png"), ("truth", "truth.png")):
        shutil.copy(sample_folder() / folder / sample_names()[0], name)
    exec(compile(code, "README.md", "exec"), {})
    said = capsys.readouterr().out
    assert said.startswith("Scores of 1 images") and said.endswith("\n1.0\n")
    assert (tmp_path / "fused.json").exists()


@pytest.mark.parametrize("word", ["make demo", "make test"])
def test_make_targets_exist(word):
    assert word in README
    assert re.search(rf"^{word.split()[1]}( .*)?:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / page).read_text(encoding="utf-8")):
        assert "://" in target or (ROOT / page).parent.joinpath(target).exists(), target


@pytest.mark.parametrize("page", PAGES)
def test_commands_named_are_commands(page):
    for name in re.findall(r"`nucfuse ([a-z][a-z-]*)", (ROOT / page).read_text(encoding="utf-8")):
        assert name in cli.main.commands


@pytest.mark.parametrize("page", PAGES)
def test_modules_named_are_modules(page):
    """Paths such as `masks/rle.py`, with or without the package in front."""
    rooms = "|".join(path.name for path in (ROOT / "nucfuse").iterdir() if path.is_dir())
    pattern = rf"`(?:nucfuse/)?((?:{rooms})/[\w/]+\.py)"
    for name in re.findall(pattern, (ROOT / page).read_text(encoding="utf-8")):
        assert (ROOT / "nucfuse" / name).exists(), name
