"""Any id survives being a file name."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_files import ODD_IDS

from nucfuse.data.image_ids import escape_id, first_ids, id_of_file, id_of_stem, strip_suffix
from nucfuse.errors import DataError


class TestIds:
    @pytest.mark.parametrize("image_id", ODD_IDS)
    def test_odd_ids_survive(self, image_id):
        stem = escape_id(image_id)
        assert id_of_stem(stem) == image_id
        assert Path(stem).name == stem  # no folder in it
        assert not stem.startswith(".")

    def test_they_stay_apart(self):
        assert len({escape_id(image_id) for image_id in ODD_IDS}) == len(ODD_IDS)

    @given(st.text(st.characters(codec="utf-8")))
    def test_any_text_survives(self, image_id):
        stem = escape_id(image_id)
        assert id_of_stem(stem) == image_id
        assert not set(stem) & set("/\\\0")
        assert stem not in ("", ".", "..")

    @given(st.text("abc_%5FE.mask"))
    def test_text_like_suffixes_and_escapes_survives(self, image_id):
        assert id_of_stem(escape_id(image_id)) == image_id

    def test_plain_ids_stay_readable(self):
        for image_id in ["001", "1e3", "NA", "Zelle µ 細胞", "a-b_c (2)", "a.b"]:
            assert escape_id(image_id) == image_id

    def test_lone_surrogates(self):
        with pytest.raises(DataError, match="cannot be a file name"):
            escape_id("\ud800")

    @pytest.mark.parametrize("suffix", [
        "_cp_masks", "_masks", "_mask", "_seg", "_label", "_labels", "_pred",
    ])  # fmt: skip
    def test_one_suffix_is_stripped(self, suffix):
        assert strip_suffix("cell" + suffix) == "cell"
        assert strip_suffix("cell_seg" + suffix) == "cell_seg"
        assert strip_suffix(suffix) in (suffix, "_cp")
        assert strip_suffix("cell" + suffix + "2") == "cell" + suffix + "2"

    def test_foreign_percent_signs(self):
        assert id_of_stem("50% off_mask") == "50% off"
        assert id_of_stem("100%zz") == "100%zz"


@pytest.mark.parametrize(
    ("file_name", "image_id"),
    [("x/y/a.TIFF", "a"), ("C:\\x\\a.jpg", "a"), ("img_1.2", "img_1.2"), (".png", ".png")],
)
def test_ids_of_file_names(file_name, image_id):
    assert id_of_file(file_name) == image_id


def test_messages_name_the_first_ids():
    assert first_ids(["a"]) == "'a'"
    assert first_ids(list("abcd"), 3) == "'a', 'b', 'c' and 1 more"
