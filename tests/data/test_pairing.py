"""Which images belong together."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nucfuse.data.pairing import pair
from nucfuse.errors import DataError


@dataclass
class Ids:
    ids: list
    path: Path = Path("somewhere")
    aliases: dict = field(default_factory=dict)
    numbered: bool = False


def test_paired_missing_extra():
    result = pair(Ids(["a", "b", "c"]), Ids(["b", "c", "d"]))
    assert (result.paired, result.missing, result.extra) == (["b", "c"], ["a"], ["d"])
    assert result.names["b"] == "b"


def test_numbers_of_a_coco_result_list_mean_the_truths_files():
    truth = Ids(["cell_a", "cell_b"], aliases={"1": "cell_a", "2": "cell_b"})
    result = pair(truth, Ids(["1", "2"], numbered=True))
    assert result.paired == ["cell_a", "cell_b"]
    assert result.names["cell_b"] == "2"


def test_an_id_that_is_also_an_alias_stays_itself():
    truth = Ids(["1", "2"], aliases={"1": "2"})
    assert pair(truth, Ids(["1", "2"], numbered=True)).names == {"1": "1", "2": "2"}


def test_file_names_that_are_numbers_are_names():
    truth = Ids(["1", "2"], aliases={"1": "2", "2": "1"})
    assert pair(truth, Ids(["1", "2"])).names == {"1": "1", "2": "2"}


def test_nothing_in_common_shows_both():
    with pytest.raises(DataError, match=r"Truth has 'a'; prediction has 'img_a'"):
        pair(Ids(["a"]), Ids(["img_a"]))
