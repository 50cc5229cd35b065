"""Both RLE dialects: equal to their definitions and to pycocotools, strict about errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import masks as naive
from numpy.testing import assert_array_equal
from pycocotools import mask as pycoco
from strategies import broken_kaggle_texts, instance_sets, kaggle_texts, mask_stacks

from nucfuse.masks.instances import Instances
from nucfuse.masks.rle import (
    RLEError,
    check_shape,
    counts_to_runs,
    parse_rle,
    read_coco,
    runs_to_counts,
    write_rle,
)

DIALECTS = {
    "kaggle": (naive.kaggle_encode, naive.kaggle_decode),
    "coco": (naive.coco_encode, naive.coco_decode),
}
dialects = st.sampled_from(sorted(DIALECTS))


def pycoco_texts(stack):
    """pycocotools' strings of a stack (N, H, W); it wants (H, W, N) in Fortran order."""
    encoded = pycoco.encode(np.asfortranarray(stack.transpose(1, 2, 0).astype(np.uint8)))
    return [rle["counts"].decode() for rle in encoded]


# ------------------------------------------------------------------------------------ equals naive


@given(mask_stacks(), dialects)
def test_writes_what_the_definition_says(stack, dialect):
    encode, _ = DIALECTS[dialect]
    assert Instances.from_masks(stack).to_rle(dialect) == [encode(mask) for mask in stack]


@given(mask_stacks(), dialects)
def test_reads_what_the_definition_says(stack, dialect):
    encode, _ = DIALECTS[dialect]
    texts = [encode(mask) for mask in stack]
    starts, lengths, offsets = parse_rle(texts, stack.shape[1:], dialect)
    for i, mask in enumerate(stack):
        mine = slice(offsets[i], offsets[i + 1])
        found = list(zip(starts[mine].tolist(), lengths[mine].tolist(), strict=True))
        assert found == naive.runs(mask)


@given(kaggle_texts())
def test_reads_touching_runs_and_any_blanks(text_and_shape):
    text, shape = text_and_shape
    mask = Instances.from_rle([text], shape).to_masks()[0]
    assert_array_equal(mask, naive.kaggle_decode(text, shape))


@given(mask_stacks())
def test_counts_are_the_definition(stack):
    counts = [naive.coco_counts(mask) for mask in stack]
    read = Instances.from_counts(counts, stack.shape[1:])
    assert read == Instances.from_masks(stack)
    assert read.to_counts() == counts


# --------------------------------------------------------------------------- equals pycocotools


@given(mask_stacks(min_size=1))
def test_writes_what_pycocotools_writes(stack):
    assert Instances.from_masks(stack).to_rle("coco") == pycoco_texts(stack)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in its decode
@given(mask_stacks(min_size=1))
def test_pycocotools_reads_what_is_written(stack):
    size = list(stack.shape[1:])
    texts = Instances.from_masks(stack).to_rle("coco")
    decoded = pycoco.decode([{"size": size, "counts": text.encode()} for text in texts])
    assert_array_equal(decoded.transpose(2, 0, 1), stack)


@pytest.mark.compiled
def test_equals_pycocotools_on_thousands_of_masks():
    rng = np.random.default_rng(0)
    for _ in range(40):
        n, height, width = 50, *rng.integers(1, 40, 2).tolist()
        density = rng.choice([0.0, 0.02, 0.5, 0.98, 1.0], (n, 1, 1))
        stack = rng.random((n, height, width)) < density
        texts = pycoco_texts(stack)
        assert Instances.from_masks(stack).to_rle("coco") == texts
        assert_array_equal(Instances.from_rle(texts, (height, width), "coco").to_masks(), stack)


# -------------------------------------------------------------------------------------------- laws


@given(mask_stacks(), dialects)
def test_decode_after_encode_is_identity(stack, dialect):
    masks = Instances.from_masks(stack)
    shape = stack.shape[1:]
    assert Instances.from_rle(masks.to_rle(dialect), shape, dialect) == masks
    as_bytes = [text.encode() for text in masks.to_rle(dialect)]
    assert Instances.from_rle(as_bytes, shape, dialect) == masks


@given(kaggle_texts())
def test_writing_after_reading_is_canonical(text_and_shape):
    text, shape = text_and_shape
    canonical = write_rle(parse_rle([text], shape, "kaggle"), shape, "kaggle")
    assert canonical == [naive.kaggle_encode(naive.kaggle_decode(text, shape))]


@given(st.lists(st.text(max_size=12), max_size=4), dialects)
def test_any_text_is_read_or_refused(texts, dialect):
    try:
        starts, lengths, offsets = parse_rle(texts, (5, 7), dialect)
    except RLEError as error:
        assert 0 <= error.mask < len(texts)
        return
    assert len(offsets) == len(texts) + 1
    Instances.from_runs((5, 7), starts, lengths, offsets)


@given(st.lists(st.text("0123456789 -.?", max_size=30), max_size=3))
def test_any_kaggle_like_text_is_read_or_refused(texts):
    try:
        runs = parse_rle(texts, (6, 6), "kaggle")
    except RLEError:
        return
    assert write_rle(runs, (6, 6), "kaggle") == [
        naive.kaggle_encode(naive.kaggle_decode(text, (6, 6))) for text in texts
    ]


@given(st.lists(st.text([chr(c) for c in range(46, 114)], max_size=20), max_size=3))
def test_any_coco_like_text_is_read_or_refused(texts):
    try:
        runs = parse_rle(texts, (6, 6), "coco")
    except RLEError:
        return
    decoded = Instances.from_runs((6, 6), *runs).to_masks()
    for mask, text in zip(decoded, texts, strict=True):
        assert_array_equal(mask, naive.coco_decode(text, (6, 6)))


# ------------------------------------------------------------------------------------------- edges


def test_no_masks():
    for dialect in DIALECTS:
        starts, lengths, offsets = parse_rle([], (3, 3), dialect)
        assert (starts.size, lengths.size, offsets.tolist()) == (0, 0, [0])
        assert write_rle((starts, lengths, offsets), (3, 3), dialect) == []


def test_mask_without_pixels():
    nothing = Instances.from_masks(np.zeros((1, 2, 3), bool))
    assert nothing.to_rle("kaggle") == [""]
    assert nothing.to_rle("coco") == ["6"]
    assert nothing.to_counts() == [[6]]


def test_whole_frame():
    everything = Instances.from_masks(np.ones((1, 2, 3), bool))
    assert everything.to_rle("kaggle") == ["1 6"]
    assert everything.to_rle("coco") == ["06"]
    assert everything.to_counts() == [[0, 6]]


def test_runs_are_joined_across_columns():
    """The last pixel of a column and the first of the next are neighbours in RLE."""
    assert Instances.from_labels([[0, 1], [1, 0]]).to_rle() == ["2 2"]
    starts, lengths, _ = parse_rle(["2 1 3 1"], (2, 2), "kaggle")
    assert (starts.tolist(), lengths.tolist()) == ([1], [2])


def test_touching_runs_of_two_masks_stay_apart():
    starts, lengths, offsets = parse_rle(["1 2", "3 2"], (4, 1), "kaggle")
    assert (starts.tolist(), lengths.tolist(), offsets.tolist()) == ([0, 2], [2, 2], [0, 1, 2])


def test_huge_image_and_counts():
    """Counts of many characters; the definition's loops would be too slow here."""
    shape = (40_000, 40_000)
    text = "1 3 1500000000 100000000"
    masks = Instances.from_rle([text], shape)
    assert masks.to_rle() == [text]
    assert Instances.from_rle(masks.to_rle("coco"), shape, "coco") == masks
    assert masks.to_counts() == [[0, 3, 1_499_999_996, 100_000_000, 1]]
    reference = pycoco.frPyObjects({"size": list(shape), "counts": masks.to_counts()[0]}, *shape)
    assert masks.to_rle("coco") == [reference["counts"].decode()]


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_a_run_of_more_than_2_31_pixels_is_refused(dialect):
    """Lengths are int32: such a run must not wrap around."""
    shape = (50_000, 50_000)
    counts = [0, 2_500_000_000]
    whole = pycoco.frPyObjects({"size": list(shape), "counts": counts}, *shape)["counts"]
    text = "1 2500000000" if dialect == "kaggle" else whole
    with pytest.raises(RLEError, match="2147483647"):
        parse_rle([text], shape, dialect)
    with pytest.raises(RLEError, match="2147483647"):
        counts_to_runs([counts], shape)


# ------------------------------------------------------------------------------------------ errors


@given(broken_kaggle_texts(), st.integers(0, 3))
def test_broken_text_is_refused_with_its_reason(broken, n_before):
    text, shape, words = broken
    with pytest.raises(RLEError, match=words) as caught:
        parse_rle(["1 1"] * n_before + [text], shape, "kaggle")
    assert caught.value.mask == n_before
    assert str(caught.value).startswith(f"RLE of mask {n_before}: ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 2 3", r"number 3 \('3'\) is a start without a length"),
        ("0 2", r"number 1 \('0 2'\) is a start below 1"),
        ("1 0", r"number 1 \('1 0'\) is a run of no pixels"),
        ("5 1 2 1", r"number 3 \('2 1'\) starts before the run ahead"),
        ("1 3 3 2", r"number 3 \('3 2'\) overlaps the run ahead"),
        ("1 99", r"number 1 \('1 99'\) runs past the end of the image \(3 x 4 = 12 pixels\)"),
        ("13 1", r"number 1 \('13 1'\) runs past the end"),
        ("1 99999999999999999999999999", r"runs past the end"),
        ("1 2 x 1", r"number 3 \('x'\) is not a number"),
        ("1 2.5", r"number 2 \('2.5'\) is not a number"),
        ("-1 2", r"number 1 \('-1'\) is not a number"),
        ("1 ²", r"number 2 .* is not a number"),
        ("1 " + "9" * 100_000 + "z", r"number 2 .* is not a number"),
    ],
)
def test_kaggle_message_says_what_and_where(text, words):
    with pytest.raises(RLEError, match=words):
        parse_rle([text], (3, 4), "kaggle")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"number 1 is missing.*do not add up.*3 x 4 = 12 pixels"),
        ("5", r"number 2 is missing.*do not add up"),
        ("=", r"number 1 runs past the end of the image \(3 x 4 = 12 pixels\)"),
        ("0=", r"number 2 runs past the end"),
        ("\x1f", r"number 1 is not a number"),
        ("é", r"number 1 is not a number|number 1 runs past|number 1 is a"),
        ("P", r"number 1 is not a number"),
        ("o" * 30, r"number 1 is not a number"),
        ("500", r"number 2 is a run of no pixels"),
        ("O", r"number 1 is a"),
    ],
)
def test_coco_message_says_what_and_where(text, words):
    with pytest.raises(RLEError, match=words):
        parse_rle([text], (3, 4), "coco")


@pytest.mark.parametrize("n_zeros", range(40))
def test_numbers_beyond_int64_do_not_wrap_around(n_zeros):
    for front in ("1", "9" * 18, "2305843009213693952"):
        with pytest.raises(RLEError, match="past the end"):
            parse_rle([f"1 {front}{'0' * max(n_zeros, 1)}5"], (3, 4), "kaggle")


@pytest.mark.compiled
def test_a_text_of_5_mb_is_refused_in_few_words():
    with pytest.raises(RLEError, match="past the end") as caught:
        parse_rle(["1 1 3" + " " * 5_000_000 + "99"], (3, 4), "kaggle")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("text", [None, 1, 2.5, float("nan")])
def test_what_is_no_text_is_refused(text):
    with pytest.raises(RLEError, match="expected text, got") as caught:
        parse_rle(["1 1", text], (3, 4), "kaggle")
    assert caught.value.mask == 1


def test_unknown_dialect_is_refused():
    with pytest.raises(ValueError, match="'kaggle' or 'coco', got 'rle'"):
        parse_rle([], (3, 4), "rle")
    with pytest.raises(ValueError, match="'kaggle' or 'coco', got 'rle'"):
        Instances.empty((3, 4)).to_rle("rle")


@pytest.mark.parametrize("shape", [(0, 4), (3,), (3, 4, 1), (-3, 4), (2.5, 4), (2**31, 1)])
def test_bad_shape_is_refused(shape):
    with pytest.raises(ValueError, match="shape"):
        check_shape(shape)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ([12.0], r"count 1 \(12.0\) is not an integer"),
        ([True, 11], r"count 1 \(True\) is not an integer"),
        (["12"], r"count 1 \('12'\) is not an integer"),
        ([-1, 13], r"count 1 \(-1\) is not in"),
        ([3, 0, 9], r"count 2 \(0\) is not in"),
        ([2**70], r"count 1 .* is not in"),
        ([3, 4], r"add up to 7, but the image has 3 x 4 = 12 pixels"),
        ([], r"add up to 0, but"),
    ],
)
def test_bad_counts_are_refused(counts, words):
    with pytest.raises(RLEError, match=words) as caught:
        counts_to_runs([[12]] * 5 + [counts], (3, 4))
    assert caught.value.mask == 5


@given(mask_stacks(min_size=1, max_size=1))
def test_counts_of_runs_and_back(stack):
    shape = stack.shape[1:]
    counts = naive.coco_counts(stack[0])
    runs = counts_to_runs([counts], shape)
    assert runs_to_counts(runs, shape) == [counts]


# ------------------------------------------------------------------------- COCO strings in one pass


@given(instance_sets())
def test_reading_coco_strings_gives_boxes_and_areas(instances):
    texts = instances.to_rle("coco")
    if not texts:
        return
    for got, wanted in zip(read_coco(texts, instances.shape), instances.arrays, strict=True):
        assert_array_equal(got, wanted)


def test_coco_strings_may_be_bytes():
    assert Instances.from_rle([b"09", "09"], (3, 3), "coco").areas.tolist() == [9, 9]
    with pytest.raises(RLEError, match="RLE of mask 1: expected text, got int"):
        Instances.from_rle(["09", 9], (3, 3), "coco")
