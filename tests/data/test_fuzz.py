"""Changed files of every format; `make fuzz` takes a minute for each."""

import os
import resource

import pytest
from fuzzing import FORMATS, files_of, fuzz, mended, read_all

from nucfuse.masks.allocation import MAX_PIXELS, set_max_pixels

SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
MOST_MEGABYTES = 500  # that one process grows by; 2^20 pixels take 8


@pytest.fixture
def _few_pixels():
    set_max_pixels(2**20)
    yield
    set_max_pixels(MAX_PIXELS)


@pytest.mark.usefixtures("_few_pixels")
@pytest.mark.parametrize("name", FORMATS)
def test_changed_files_give_one_error(name, tmp_path):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    fuzz(name, tmp_path, SECONDS)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < MOST_MEGABYTES * 1024


@pytest.mark.parametrize("name", FORMATS)
def test_the_files_themselves_are_good(name, tmp_path):
    for data in files_of(name, tmp_path):
        path = tmp_path / ("good" + FORMATS[name][1])
        path.write_bytes(data)
        assert mended(data, path.suffix) == data
        read_all(path)
