from functools import cache

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pytest import approx

from nucfuse.data.modality import MODALITIES, modality
from nucfuse.data.readers.raster import read_image
from nucfuse.data.sample_images import sample_folder
from nucfuse.ensemble.routing.router import DEFAULT, Router, fit_router
from nucfuse.ensemble.routing.router_file import default_router

# K-means of mean HSV on the 664 DSB2018 training images, rounded; the split is 541, 107 and 16.
STUDY = Router(
    "study", np.ones(3), ("fluorescence", "histology", "brightfield"),
    np.array([[0.0, 0.0, 13.16], [126.94, 73.82, 201.32], [0.0, 0.0, 211.98]]),
    np.array([99.4, 123.7, 73.6]), np.array([541, 107, 16]),
)  # fmt: skip


@cache
def sample_images():
    """(id, image, modality) of the bundled images."""
    paths = sorted((sample_folder() / "images").glob("*.png"))
    images = [(path.stem, read_image(path)) for path in paths]
    return [(image_id, image, modality(image)) for image_id, image in images]


def sample_of(kind):
    return [image for _, image, found in sample_images() if found == kind]


def turned(image, degrees):
    """The same saturation and value with every hue turned."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(int) + degrees // 2) % 180
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def lit(image, factors):
    """Each channel times a factor, cut off at 255."""
    return np.clip(image * np.asarray(factors, float), 0, 255).astype(np.uint8)


def paled(image, share):
    grey = image.mean(axis=2, keepdims=True)
    return np.rint(grey + share * (image - grey)).astype(np.uint8)


def disguises(image):
    """Name -> the image as another stain, lamp or camera would have shown it."""
    found = {f"hue {d}": turned(image, d) for d in range(0, 360, 30)}
    found |= {f"light {f}": lit(image, f) for f in (0.5, 0.7, 1.3, 1.6, 2.0)}
    found |= {f"yellow {b}": lit(image, (1, 0.95, b)) for b in (0.4, 0.6, 0.8)}
    found |= {f"hue {d}, brighter": lit(turned(image, d), 1.4) for d in (90, 120, 150, 180)}
    found["yellow, brighter"] = lit(image, (1.4, 1.35, 0.9))
    found["haze"] = np.clip(image.astype(int) + 40, 0, 255).astype(np.uint8)
    found["pale"] = paled(image, 0.5)
    return found


def disguised_histology():
    return [(name, one) for image in sample_of("histology") for name, one in
            disguises(image).items()]  # fmt: skip


# ------------------------------------------------------------------------------- the real sample


@pytest.mark.compiled
@pytest.mark.parametrize("router", [default_router(), STUDY], ids=["default", "study"])
def test_sample_goes_where_it_belongs(router):
    assert {kind for *_, kind in sample_images()} == set(MODALITIES)
    for _, image, kind in sample_images():
        decision = router.route(image)
        assert decision.cluster == decision.nearest == kind
        assert not decision.is_far


def test_histology_is_never_mistaken_however_it_is_stained_and_lit():
    """Of all 107 stained training images: none of 2,889 such copies, but 3 are called far."""
    router = default_router()
    found = {name: router.route(image).cluster for name, image in disguised_histology()}
    assert set(found.values()) == {"histology"}, found


def test_the_studys_features_mistake_yellowish_and_brightened_histology():
    """What the better features are for: of all 107, 757 of 2,889 copies pass for bright-field."""
    nearest = {}
    for name, image in disguised_histology():
        nearest.setdefault(name, set()).add(STUDY.route(image).nearest)
    mistaken = {name for name, kinds in nearest.items() if "brightfield" in kinds}
    assert {"hue 180", "light 2.0", "hue 120, brighter"} <= mistaken
    assert "hue 0" not in mistaken


@pytest.mark.parametrize("colour", [(0, 0.1, 1), (0, 1, 0), (0.3, 0.8, 1), (1, 0, 0.4)])
def test_fluorescence_in_a_false_colour_is_fluorescence(colour):
    for image in sample_of("fluorescence"):
        assert default_router().route(lit(image, colour)).nearest == "fluorescence"


@pytest.mark.parametrize("light", [0.6, 1.05])
@pytest.mark.parametrize("tint", [(1, 1, 1), (1, 0.97, 0.85), (0.9, 0.95, 1)])
def test_bright_field_under_another_lamp_is_bright_field(light, tint):
    for image in sample_of("brightfield"):
        assert default_router().route(lit(image, light * np.array(tint))).cluster == "brightfield"


def test_what_looks_like_nothing_known_is_far():
    saturated = np.zeros((40, 40, 3), np.uint8)
    saturated[..., 0] = 255
    saturated[::2, ::2] = (0, 255, 255)
    decision = default_router().route(saturated)
    assert decision.is_far
    assert decision.cluster == DEFAULT
    assert decision.nearest in MODALITIES
    assert decision.distance > 1.8


@pytest.mark.parametrize("features", ["polarity", "study"])
def test_fitted_on_the_sample(features):
    images = [(image_id, image) for image_id, image, _ in sample_images()]
    router = fit_router(iter(images), features)
    assert router.names == ("fluorescence", "histology", "brightfield")
    assert_array_equal(router.sizes, [7, 3, 2])
    for _, image, kind in sample_images():
        assert router.route(image).cluster == kind


# ----------------------------------------------------------------------------------------- fitting


def plain(*colours):
    """(id, image) of one colour each."""
    return [(f"i{k}", np.full((4, 4, 3), colour, np.uint8)) for k, colour in enumerate(colours)]


@pytest.mark.parametrize("seed", [0, 7])
def test_order_of_images_does_not_matter(seed):
    images = [(image_id, image[:64, :64]) for image_id, image, _ in sample_images()]
    a, b = fit_router(images, seed=seed), fit_router(images[::-1], seed=seed)
    assert a.names == b.names
    for field in ("centres", "radii", "sizes", "scales"):
        assert_array_equal(getattr(a, field), getattr(b, field))


def test_clusters_of_one_look_are_numbered():
    images = plain((0, 0, 0), (1, 1, 1), (2, 2, 2), (60, 60, 60), (62, 62, 62), (230, 230, 230))
    router = fit_router(images, "study")
    assert router.names == ("fluorescence", "fluorescence-2", "brightfield")
    assert_array_equal(router.sizes, [3, 2, 1])
    assert_array_equal(router.centres[:, 2], [1, 61, 230])


def test_radius_is_of_the_farthest_and_half_as_much_again_or_half_the_way():
    images = plain((0, 0, 0), (0, 0, 0), (40, 40, 40), (230, 230, 230))
    router = fit_router(images, "study", k=2)
    assert_allclose(router.centres[:, 2], [40 / 3, 230], atol=1e-4)
    apart = 230 - 40 / 3
    assert_allclose(router.radii, [max(1.5 * 80 / 3, apart / 2), apart / 2], atol=1e-4)


def test_distance_is_scaled_and_far_is_beyond_the_radius():
    router = Router(
        "study", np.array([1.0, 1.0, 10.0]), ("dark", "bright"),
        np.array([[0.0, 0.0, 10.0], [0.0, 0.0, 200.0]]), np.array([3.0, 5.0]), np.array([1, 1]),
    )  # fmt: skip
    assert router.route(plain((40, 40, 40))[0][1]) == ("dark", 3.0, False, "dark")
    assert router.route(plain((41, 41, 41))[0][1]) == (DEFAULT, approx(3.1), True, "dark")
    assert router.route(plain((150, 150, 150))[0][1]) == ("bright", 5.0, False, "bright")


def test_one_cluster():
    router = fit_router(plain((0, 0, 0), (10, 10, 10)), "study", k=1)
    assert router.names == ("fluorescence",)
    assert_array_equal(router.radii, [7.5])


# ------------------------------------------------------------------------------------------ errors


def test_unknown_features():
    with pytest.raises(ValueError, match="unknown features 'lbp'; there are: polarity, study"):
        fit_router(plain((0, 0, 0)), "lbp")


def test_no_images():
    with pytest.raises(ValueError, match="there are no images to learn clusters from"):
        fit_router([])


def test_fewer_different_images_than_clusters():
    with pytest.raises(ValueError, match=r"4 images cannot be clustered: k must be in 1\.\.2, "):
        fit_router(plain((0, 0, 0), (0, 0, 0), (9, 9, 9), (9, 9, 9)))


@pytest.mark.parametrize("bad", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3))])
def test_a_bad_image_is_named(bad):
    with pytest.raises((ValueError, TypeError), match="image 'x7': image must be"):
        fit_router([*plain((0, 0, 0)), ("x7", bad)])
    with pytest.raises((ValueError, TypeError), match="image must be"):
        default_router().route(bad)
