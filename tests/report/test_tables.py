"""Tables for people."""

from nucfuse.report.tables import plain_table

TABLE = """by set
predictions  images   pq
核 1             12  0.5
otsu              3
"""


def test_columns_are_as_wide_as_their_cells_and_numbers_align_right():
    rows = [("核 1", "12", "0.5"), ("otsu", "3", "")]
    assert plain_table(("predictions", "images", "pq"), rows, "by set") == TABLE


def test_no_rows_are_a_header_and_no_title_is_no_line():
    assert plain_table(("a", "b"), []) == "a  b\n"
