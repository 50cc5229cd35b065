from nucfuse.pipeline.routing import spread


def test_samples_are_spread_from_the_first_to_the_last():
    ids = [f"image {k:02}" for k in range(12)]
    chosen = spread(ids, 7)
    assert len(set(chosen)) == 7
    assert (chosen[0], chosen[-1]) == (ids[0], ids[-1])
    assert chosen == sorted(chosen)
    assert spread(ids, 99) == ids
    assert spread(ids, 1) == ids[:1]
    assert spread([], 5) == []
