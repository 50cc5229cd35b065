"""Files against files: what is missing, ignored or left out."""

import numpy as np
import pytest

import nucfuse as nf
from nucfuse.metrics.names import SCORES


@pytest.fixture
def csv(tmp_path):
    """A function: name and text of a CSV -> its path."""

    def write(name, text):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def test_a_missing_image_scores_0_even_where_there_is_nothing_to_find(csv):
    truth = csv("t.csv", "ImageId,EncodedPixels,Height,Width\na,1 3,10,10\nc,,10,10\n")
    pred = csv("p.csv", "ImageId,EncodedPixels\na,1 3\n")
    scores = nf.score(truth, pred, missing="zero", metrics=["boundary"])
    assert {scores.summary[name] for name in (*SCORES, "boundary_ap", "boundary_f")} == {0.5}
    assert scores.both_empty == 0 and scores.gain_missed == 0
    assert scores.per_image["ap_50"].tolist() == [1, 0]
    said = nf.score(truth, csv("q.csv", "ImageId,EncodedPixels\na,1 3\nc,\n"))
    assert (said.dsb_ap, said.both_empty) == (1, 1)


def test_only_missing_images_score_0(csv):
    truth = csv("t.csv", "ImageId,EncodedPixels,Height,Width\na,1 3,10,10\nc,,10,10\n")
    pred = csv("p.csv", "ImageId,EncodedPixels\na,1 3\n")
    missing = nf.score(truth, pred, missing="zero").subset([1])
    assert {missing.summary[name] for name in (*SCORES, "precision_50", "f1_50")} == {0}
    assert np.all(missing.resampled(5)["f1_50"] == 0)
