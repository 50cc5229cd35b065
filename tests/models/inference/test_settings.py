"""How networks are run: what can be set."""

import json

import pytest

from nucfuse.models.inference.settings import Inference


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scales": ()}, r"scales must be 1 to 100 numbers in \[0.25, 4\]"),
        ({"scales": (1, 5)}, "scales must be"),
        ({"scales": (float("nan"),)}, "scales must be"),
        ({"diameter": "small"}, "diameter must be 'auto', 'native' or a number"),
        ({"diameter": 0}, "a number of pixels above 0, got 0"),
        ({"diameter": float("nan")}, "diameter must be"),
        ({"diameter": None}, "diameter must be"),
        ({"tile": -1}, "tile must be a whole number of at least 0, got -1"),
        ({"resize": -1}, "resize must be a whole number of pixels from 0, or None"),
        ({"resize": 1.5}, "resize must be"),
        ({"threads": 0}, "threads must be"),
    ],
)
def test_settings_out_of_range(changes, said):
    with pytest.raises(ValueError, match=said):
        Inference(**changes)


def test_what_is_given_is_what_differs_from_the_default_and_can_be_json():
    assert Inference(threads=4).given == {}
    some = Inference(tta=True, scales=(1, 1.25), diameter=30, threads=4)
    assert json.loads(json.dumps(some.given)) == {
        "tta": True, "scales": [1.0, 1.25], "diameter": 30,
    }  # fmt: skip
    assert some.n_views == 16
    assert "threads" not in some.to_dict()
