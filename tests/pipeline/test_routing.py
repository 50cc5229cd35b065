from pathlib import Path

from nucfuse.data.sample_images import sample_folder
from nucfuse.ensemble.routing.router import Decision
from nucfuse.pipeline.routing import samples_of

IMAGES = Path(sample_folder()) / "images"


def test_samples_are_spread_from_the_first_to_the_last():
    ids = sorted(path.stem for path in IMAGES.glob("*.png"))
    decisions = {i: Decision("all", 0.0, False, "all") for i in ids}
    chosen = [image_id for image_id, _ in samples_of(IMAGES, decisions, "all", 7)]
    assert len(set(chosen)) == 7
    assert (chosen[0], chosen[-1]) == (ids[0], ids[-1])
    assert chosen == sorted(chosen)
    assert [i for i, _ in samples_of(IMAGES, decisions, "all", 99)] == ids
    assert [i for i, _ in samples_of(IMAGES, decisions, "all", 1)] == ids[:1]
    assert samples_of(IMAGES, decisions, "none", 5) == []
