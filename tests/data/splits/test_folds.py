import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucfuse.data.splits.folds import grouped_folds, leave_source_out, source
from nucfuse.data.splits.near_duplicates import ImageRecord

KINDS = ("fluorescence", "histology", "brightfield")


def record(name, shape=(64, 64), kind="fluorescence", hash=None):
    hash = np.random.default_rng(abs(hash_of(name))).bytes(32) if hash is None else hash
    return ImageRecord(name, shape, kind, hash, np.zeros((4, 128), np.uint8))


def hash_of(name):
    return int.from_bytes(name.encode(), "big")


@st.composite
def grouped(draw, min_groups=5):
    """Records of mixed modality, and groups of them of one modality each."""
    sizes = draw(st.lists(st.integers(1, 5), min_size=min_groups, max_size=25))
    kinds = [draw(st.sampled_from(KINDS)) for _ in sizes]
    groups = [[f"{g}-{k}" for k in range(size)] for g, size in enumerate(sizes)]
    records = [
        record(name, kind=kind) for group, kind in zip(groups, kinds, strict=True) for name in group
    ]
    return draw(st.permutations(records)), groups


@given(grouped(), st.integers(2, 5), st.integers(0, 3), st.data())
def test_laws_of_grouped_folds(case, n_folds, seed, data):
    records, groups = case
    ids = [r.image_id for r in records]
    pinned = data.draw(st.lists(st.sampled_from(ids), max_size=3))
    folds = grouped_folds(records, n_folds, seed, pinned, groups)
    assert list(folds) == ids
    assert set(folds.values()) <= set(range(1, n_folds + 1))
    assert all(len({folds[i] for i in group}) == 1 for group in groups)
    assert all(folds[i] == 1 for i in pinned)
    assert json.loads(json.dumps(folds)) == folds
    again = grouped_folds(records[::-1], n_folds, seed, pinned[::-1], groups[::-1])
    assert again == folds
    if not pinned:
        for kind in KINDS:
            _check_balance([r.image_id for r in records if r.modality == kind], groups, folds)


def _check_balance(of_kind, groups, folds):
    """No fold has more of a modality than another by more than its largest group."""
    counts = Counter(folds[i] for i in of_kind)
    per_fold = [counts[k] for k in range(1, max(folds.values()) + 1)]
    largest = max((len(g) for g in groups if g[0] in of_kind), default=0)
    assert max(per_fold) - min(per_fold) <= largest


def test_folds_are_of_one_size_when_all_images_are_alone():
    records = [record(f"{kind}{k}", kind=kind) for kind in KINDS for k in range(7)]
    folds = grouped_folds(records, 3)
    for kind in KINDS:
        counts = Counter(folds[r.image_id] for r in records if r.modality == kind)
        assert sorted(counts.values()) == [2, 2, 3]
    assert set(Counter(folds.values()).values()) == {7}


def test_seeds_differ():
    records = [record(str(k)) for k in range(20)]
    assert grouped_folds(records, seed=1) != grouped_folds(records, seed=2)


def test_near_duplicates_are_found_if_no_groups_are_given():
    records = [record(str(k), hash=None if k % 4 else bytes(32)) for k in range(20)]
    folds = grouped_folds(records, 3)
    assert len({folds[str(k)] for k in range(0, 20, 4)}) == 1
    pinned = grouped_folds(records, 3, pinned=["8"])
    assert {pinned[str(k)] for k in range(0, 20, 4)} == {1}


def test_many_pinned_images_leave_the_others_to_the_other_folds():
    records = [record(str(k)) for k in range(15)]
    folds = grouped_folds(records, 3, pinned=[str(k) for k in range(9)])
    assert sorted(Counter(folds.values()).items()) == [(1, 9), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_folds": 1}, "n_folds must be at least 2, got 1"),
        ({"n_folds": 5}, "n_folds must be at most the number of groups of near-duplicates, 4"),
        ({"n_folds": 2, "pinned": ["x"]}, "pinned must be ids of records, got 'x', which is none"),
        ({"groups": [["0", "1"], ["2"]]}, "groups must have every image of records once and no"),
        ({"groups": [["0"], ["1"], ["2"], ["3"], ["3"]]}, "'3' is in records and 2 times in"),
        ({"groups": [["0"], ["1"], ["2"], ["3"], ["4"]]}, "'4' is not in records and 1 times in"),
    ],
)
def test_impossible_folds_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        grouped_folds([record(str(k)) for k in range(4)], **settings)


def test_an_image_twice_is_refused():
    for split in (grouped_folds, leave_source_out):
        with pytest.raises(ValueError, match="records must have each image once, got 'a' twice"):
            split([record("a"), record("b"), record("a")])


def test_small_sources_are_merged():
    sizes = {(256, 256): 40, (256, 320): 50, (99, 7): 5, (7, 99): 4, (8, 8): 1}
    records = [
        record(f"{shape}{k}", shape, "histology" if shape == (256, 320) and k < 45 else KINDS[0])
        for shape, n in sizes.items()
        for k in range(n)
    ]
    folds = leave_source_out(records)
    assert Counter(folds.values()) == {
        "256x256 fluorescence": 40,
        "256x320 histology": 45,
        "256x320 fluorescence": 5,
        "99x7 fluorescence": 5,
        "other": 5,
    }
    assert list(folds) == [r.image_id for r in records]
    assert json.loads(json.dumps(folds)) == folds


@given(grouped(1), st.sampled_from([0.0, 0.05, 0.3]))
def test_laws_of_leaving_sources_out(case, min_share):
    records, _ = case
    if len({source(r) for r in records}) < 2:
        records = [*records, record("one more", (1, 1))]
    try:
        folds = leave_source_out(records, min_share)
    except ValueError:  # all of them small
        assert all(n < min_share * len(records) for n in Counter(map(source, records)).values())
        return
    for r in records:
        size = sum(source(o) == source(r) for o in records)
        assert folds[r.image_id] == (source(r) if size >= min_share * len(records) else "other")
    assert leave_source_out(records[::-1], min_share) == folds


def test_one_source_cannot_be_left_out():
    with pytest.raises(ValueError, match="at least two sources, got 64x64 fluorescence; use"):
        leave_source_out([record("a"), record("b")])
    with pytest.raises(ValueError, match="at least two sources, got no images"):
        leave_source_out([])


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_shares_are_checked(share):
    with pytest.raises(ValueError, match=r"min_share must be in \[0, 1\], got"):
        leave_source_out([record("a")], share)
