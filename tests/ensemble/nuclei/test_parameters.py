import pytest

from nucfuse.clean.parameters import Parameter, resolve
from nucfuse.ensemble.nuclei.parameters import Choice, Switch

TABLE = (
    Parameter("iou", 0.5, 0, 1, "how much"),
    Parameter("min_votes", 2, 1, 9, "how many"),
    Choice("over", "union", ("union", "smaller"), "of what"),
    Switch("deep", False, "whether"),
)


def test_what_is_given_is_checked_and_the_rest_is_the_default():
    assert resolve(TABLE, {}, "it") == {
        "iou": 0.5, "min_votes": 2, "over": "union", "deep": False,
    }  # fmt: skip
    given = resolve(TABLE, {"iou": 1, "min_votes": 3.0, "over": "smaller", "deep": 1}, "it")
    assert given == {"iou": 1.0, "min_votes": 3, "over": "smaller", "deep": True}
    assert isinstance(given["min_votes"], int)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"IoU": 0.5}, "it has no parameter 'IoU'; it has: iou, min_votes, over, deep"),
        ({"iou": "much"}, "iou must be a number"),
        ({"min_votes": 0}, "min_votes must be a whole number"),
        ({"over": "Union"}, "over must be one of 'union', 'smaller', got 'Union'"),
        ({"over": ["union"]}, "over must be"),
        ({"deep": "False"}, "deep must be true or false, got 'False'"),
        ({"deep": 2}, "deep must be true or false, got 2"),
    ],
)
def test_errors(given, words):
    with pytest.raises(ValueError, match=words):
        resolve(TABLE, given, "it")
