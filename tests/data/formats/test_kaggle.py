"""Kaggle CSV: what is written comes back, what is wrong is named by row."""

import csv
import io
import itertools
import threading
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from naive import masks as naive
from numpy.testing import assert_array_equal
from strategies import broken_kaggle_texts, instance_sets, kaggle_texts, label_images, shapes

from nucfuse.data.dataset import Dataset, Sample
from nucfuse.data.formats import kaggle
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances

SUBMISSION, SOLUTION = "ImageId,EncodedPixels\n", "ImageId,EncodedPixels,Height,Width\n"
# Ids that tables like to turn into numbers, dates, paths or nothing.
ODD_IDS = [
    "NA",
    "001",
    "1e3",
    "../x",
    "größe/細胞",
    "nan",
    "a,b",
    'say "so"',
    " x ",
    "1\n2",
    "\r",
    "-",
]

ids = st.sampled_from(ODD_IDS) | st.text(
    st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6
)


@pytest.fixture
def opened(tmp_path):
    """Opens a data set from the content of a file."""
    numbers = itertools.count()

    def open_content(content, shape_of=None):
        path = tmp_path / f"{next(numbers)}.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return kaggle.open_dataset(path, shape_of)

    return open_content


def canonical(masks):
    """What is left of masks: those with pixels, no scores, classes or sources."""
    kept = masks[masks.areas > 0]
    return Instances.from_runs(kept.shape, *kept.runs)


class TestRoundTrip:
    @given(data=st.data())
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_solution_and_submission(self, data, tmp_path):
        names = data.draw(st.lists(ids, min_size=1, max_size=4, unique=True))
        sets = [data.draw(instance_sets()) for _ in names]
        samples = list(map(Sample, names, sets))
        kaggle.write(tmp_path / "a.csv", samples)
        kaggle.write_submission(tmp_path / "b.csv", samples)
        solution = kaggle.open_dataset(tmp_path / "a.csv")
        submission = kaggle.open_dataset(tmp_path / "b.csv", solution.shape)
        assert solution.ids == submission.ids == sorted(names)
        for name, masks in zip(names, sets, strict=True):
            assert solution.shape(name) == submission.shape(name) == masks.shape
            for dataset in (solution, submission):
                sample = dataset.read(name)
                assert (sample.image_id, sample.masks) == (name, canonical(masks))
                assert len(sample.names) == len(sample.masks)
                assert dataset.image(name) is None

    @given(labels=label_images())
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_label_images(self, labels, tmp_path):
        kaggle.write(tmp_path / "a.csv", [Sample("x", labels)])
        back = kaggle.open_dataset(tmp_path / "a.csv").read("x").masks
        assert_array_equal(back.to_labels(), naive.relabelled(labels))

    def test_file_as_kaggle_writes_it(self, tmp_path):
        labels = np.array([[1, 1, 0], [0, 2, 0]])
        samples = [Sample("b", labels), Sample("a", np.zeros((4, 5), int))]
        kaggle.write(tmp_path / "a.csv", samples)
        assert (tmp_path / "a.csv").read_bytes() == (
            SOLUTION + "b,1 1 3 1,2,3\nb,4 1,2,3\na,,4,5\n"
        ).encode()
        kaggle.write_submission(tmp_path / "b.csv", samples)
        assert (tmp_path / "b.csv").read_text() == SUBMISSION + "b,1 1 3 1\nb,4 1\na,\n"

    def test_pandas_reads_the_same(self, tmp_path):
        names = sorted(ODD_IDS)
        kaggle.write(tmp_path / "a.csv", [Sample(n, np.ones((1, 1), int)) for n in names])
        table = pd.read_csv(tmp_path / "a.csv", dtype=str, keep_default_na=False)
        assert table.ImageId.tolist() == names


class TestRead:
    def test_is_a_dataset(self, opened):
        dataset = opened(SOLUTION + "a,1 1,1,1\n")
        assert isinstance(dataset, Dataset)
        assert dataset.format == "kaggle"

    def test_column_order_further_columns_and_scattered_rows(self, opened):
        dataset = opened(
            "Usage,Width,EncodedPixels,Height,ImageId\n"
            "Private,3,1 1,2,b\nPublic,4,2 1,2,a\nPrivate,3,3 2,2,b\n"
        )
        assert dataset.ids == ["a", "b"]
        assert dataset.shape("b") == (2, 3)
        sample = dataset.read("b")
        assert sample.masks.to_rle() == ["1 1", "3 2"]
        assert (sample.names, sample.notes) == (("row 2", "row 4"), ())

    @pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
    @pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
    @pytest.mark.parametrize("last", [b"", b"\n", b"\r\n\r\n"])
    def test_bom_line_ends_and_blank_lines(self, opened, bom, end, last):
        lines = [b"ImageId,EncodedPixels,Height,Width", b'"001","1 2",2,2', b"", b"NA,,3,3"]
        dataset = opened(bom + end.join(lines) + last)
        assert dataset.ids == ["001", "NA"]
        assert dataset.read("001").masks.to_rle() == ["1 2"]
        assert dataset.read("001").names == ("row 2",)
        assert len(dataset.read("NA").masks) == 0

    def test_odd_ids_stay_as_written(self, opened):
        buffer = io.StringIO(newline="")
        csv.writer(buffer).writerows([("ImageId", "EncodedPixels"), *((n, "1 1") for n in ODD_IDS)])
        dataset = opened(buffer.getvalue(), lambda _: (1, 1))
        assert dataset.ids == sorted(ODD_IDS)

    def test_sizes_as_pandas_writes_them(self, opened):
        assert opened(SOLUTION + "a,1 1,256.0,320.0\n").shape("a") == (256, 320)
        assert opened(SOLUTION + "a,1 1,2,3\na,2 1,2.0,03\n").shape("a") == (2, 3)

    def test_fields_missing_at_the_end_of_a_row(self, opened):
        assert opened(SUBMISSION + "a,1 1,,\n", lambda _: (1, 1)).ids == ["a"]

    @given(case=kaggle_texts())
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_masks_are_those_of_the_text(self, case, opened):
        text, shape = case
        masks = opened(f'{SUBMISSION}a,"{text}"\n', lambda _: shape).read("a").masks
        expected = [naive.kaggle_decode(text, shape)] if text.strip() else []
        assert_array_equal(masks.to_masks(), np.array(expected, bool).reshape(-1, *shape))

    def test_field_of_five_megabytes(self, opened):
        height, width = 2000, 1400
        starts = np.arange(0, height * width, 5)
        text = " ".join(f"{start + 1} 1" for start in starts.tolist())
        assert len(text) > 5_000_000
        before = csv.field_size_limit()
        dataset = opened(SUBMISSION + f"a,{text}\n", lambda _: (height, width))
        assert csv.field_size_limit() == before
        masks = dataset.read("a").masks
        assert_array_equal(masks.starts, starts)
        assert (masks.lengths == 1).all()

    def test_many_threads(self, opened):
        content = SUBMISSION + "".join(f"{k},{'1 1 ' * 50_000}\n" for k in range(3))
        found = []
        threads = [
            threading.Thread(target=lambda: found.append(opened(content).ids)) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [["0", "1", "2"]] * 4

    def test_matches_by_name(self, tmp_path):
        path = tmp_path / "x.CSV"
        path.touch()
        assert kaggle.matches(path)
        assert not kaggle.matches(tmp_path / "missing.csv")
        assert not kaggle.matches(tmp_path)


class TestNotes:
    def test_identical_rows(self, opened):
        dataset = opened(SUBMISSION + "a,1 1\nb,1 1\na,1 1\na,2 1\n", lambda _: (2, 2))
        assert dataset.read("a").notes == ("rows 2 and 4 are identical",)
        assert len(dataset.read("a").masks) == 3
        assert dataset.read("b").notes == ()

    def test_empty_and_not(self, opened):
        [note] = opened(SUBMISSION + "a,1 1\na, \n", lambda _: (2, 2)).read("a").notes
        assert "row 3 says that there are no nuclei" in note

    def test_swapped_sizes(self, opened):
        nucleus = np.zeros((1, 20, 31), bool)
        nucleus[0, 3:9, 4:11] = True
        [text] = Instances.from_masks(nucleus).to_rle()
        assert opened(SOLUTION + f"a,{text},20,31\n").read("a").notes == ()
        [note] = opened(SOLUTION + f"a,{text},31,20\n").read("a").notes
        assert "if the image had 20 rows and 31 columns: height and width may be swapped" in note

    def test_nuclei_as_tall_as_the_image_are_fine(self, opened):
        tall = Instances.from_masks(np.ones((1, 3, 4), bool)).to_rle()[0]
        assert opened(SOLUTION + f"a,{tall},3,4\n").read("a").notes == ()


class TestErrors:
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("", "is empty; a Kaggle CSV begins with the header"),
            ("\n\n", "is empty"),
            (b"\xef\xbb\xbf", "is empty"),
            (SUBMISSION, "has a header but no rows"),
            (SOLUTION + "\n\n", "has a header but no rows"),
            ("a,1 1\n", "no column ImageId and no column EncodedPixels"),
            ("ImageId,Pixels\na,1 1\n", "no column EncodedPixels;.*got 'ImageId, Pixels'"),
            ("ImageId;EncodedPixels\na;1 1\n", "separate columns by commas"),
            ("ImageId\tEncodedPixels\na\t1 1\n", "separate columns by commas"),
            ("imageid,encodedpixels\na,1 1\n", "no column ImageId"),
            ("ImageId,EncodedPixels,Height\na,1 1,2\n", "no column Width"),
            ("ImageId,EncodedPixels,Width\na,1 1,2\n", "no column Height"),
            ("ImageId,EncodedPixels,ImageId\na,1 1,a\n", "2 columns ImageId"),
            (SUBMISSION + "a\n", "row 2 has 1 fields, but the header has 2"),
            (SUBMISSION + "a,1 1\nb,c,1 1\n", "row 3 has 3 fields"),
            (SUBMISSION + ",1 1\n", "row 2 has an empty ImageId"),
            (SUBMISSION + 'a,"1 1\n', "row 2: unexpected end of data"),
            (SUBMISSION + 'a,"1 1"x\n', "row 2: "),
            (SUBMISSION.encode() + b"\xff\xfe,1 1\n", "not UTF-8"),
            (SUBMISSION.encode("utf-16"), "not UTF-8"),
            (SOLUTION + "a,1 1,0,2\n", r"row 2 \(image 'a'\): Height must be .* from 1, got '0'"),
            (SOLUTION + "a,1 1,2,\n", "Width must be a whole number from 1, got ''"),
            (SOLUTION + "a,1 1,2.5,2\n", "Height must be a whole number from 1, got '2.5'"),
            (SOLUTION + "a,1 1,-2,2\n", "got '-2'"),
            (SOLUTION + "a,1 1,²,2\n", "got '²'"),
            (SOLUTION + "a,1 1,٣,2\n", "got '٣'"),
            (SOLUTION + "a,1 1,2,nan\n", "got 'nan'"),
            (SOLUTION + f"a,1 1,2,{'9' * 5000}\n", "Width must be a whole number"),
            (SOLUTION + "a,1 1,999999999,999999999\n", "row 2 .*beyond any image"),
            (
                SOLUTION + "a,1 1,2,3\nb,,1,1\na,1 1,3,2\n",
                r"row 4 .*\(3, 2\) here, but \(2, 3\) in row 2",
            ),
            (SOLUTION + "a,1 1,2,3\na,1 1,x,3\n", "row 3 .*Height must be"),
        ],
    )
    def test_file(self, opened, content, words):
        with pytest.raises(DataError, match=words):
            opened(content)

    @given(case=broken_kaggle_texts())
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_rle(self, case, opened):
        text, (height, width), words = case
        good = "\nb,1 1,1,1\n"
        dataset = opened(f'{SOLUTION}a,,{height},{width}{good}a,"{text}",{height},{width}\n')
        with pytest.raises(DataError, match=rf"\.csv, row 4 \(image 'a'\): .*{words}"):
            dataset.read("a")
        assert len(dataset.read("b").masks) == 1

    def test_submission_without_sizes(self, opened):
        for shape_of in (None, lambda _: None):
            dataset = opened(SUBMISSION + "a,1 1\n", shape_of)
            assert dataset.shape("a") is None
            with pytest.raises(DataError, match="give the truth or the images"):
                dataset.read("a")

    def test_unknown_id(self, opened):
        dataset = opened(SOLUTION + "a,1 1,1,1\n")
        for ask in (dataset.read, dataset.shape):
            with pytest.raises(DataError, match="has no image 'b'"):
                ask("b")

    def test_unreadable(self, tmp_path):
        with pytest.raises(DataError, match=r"cannot read .*No such file"):
            kaggle.open_dataset(tmp_path / "missing.csv")
        with pytest.raises(DataError, match="cannot read"):
            kaggle.open_dataset(tmp_path)

    def test_limit_on_fields_is_restored_after_an_error(self, opened):
        before = csv.field_size_limit()
        with pytest.raises(DataError):
            opened("")
        assert csv.field_size_limit() == before

    @pytest.mark.parametrize(
        ("samples", "words"),
        [
            ([Sample("a", np.ones((1, 1), int))] * 2, "'a' comes twice"),
            ([Sample("", np.ones((1, 1), int))], "is empty"),
            ([Sample("a", np.ones((1, 1, 1), int))], "volume of shape"),
            ([Sample("a", np.ones((1, 1)) / 2)], "image 'a': labels must hold whole numbers"),
            ([Sample("a\ud800", np.ones((1, 1), int))], "cannot be written as UTF-8"),
        ],
    )
    def test_write(self, tmp_path, samples, words):
        with pytest.raises(DataError, match=words):
            kaggle.write(tmp_path / "a.csv", samples)
        assert list(tmp_path.iterdir()) == []


class TestFuzz:
    @given(content=st.binary(max_size=200))
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_any_bytes(self, content, opened):
        check_error_or_result(opened, content)

    @given(data=st.data())
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_mutated_files(self, data, opened, tmp_path):
        masks = data.draw(instance_sets(data.draw(shapes(5)), max_size=3))
        kaggle.write(tmp_path / "valid.csv", [Sample("a", masks), Sample("é", masks)])
        content = bytearray((tmp_path / "valid.csv").read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(content)))
            n_cut = data.draw(st.integers(0, 2))
            content[at : at + n_cut] = data.draw(
                st.sampled_from([b",", b'"', b"\n", b"\r", b"0", b"-", b" ", b"9" * 18, b"\0"])
                | st.binary(max_size=2)
            )
        check_error_or_result(opened, bytes(content))

    @pytest.mark.parametrize(
        "row", ["a,1 1,1000000000,1", "a,1 281474976710656,16777216,16777216", "a,1 " + "9" * 1000]
    )
    def test_memory_is_that_of_the_file(self, opened, row):
        tracemalloc.start()
        check_error_or_result(opened, (SOLUTION + row + ",2,2" * (row.count(",") < 2)).encode())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 5_000_000


def check_error_or_result(opened, content):
    """A DataError, or samples that are what they should be."""
    try:
        dataset = opened(content, lambda _: (4, 5))
    except DataError:
        return
    assert dataset.ids == sorted(set(dataset.ids))
    for image_id in dataset.ids:
        try:
            sample = dataset.read(image_id)
        except DataError:
            continue
        masks = sample.masks
        assert masks == Instances.from_runs(dataset.shape(image_id), *masks.runs)
        assert len(sample.names) == len(masks)
