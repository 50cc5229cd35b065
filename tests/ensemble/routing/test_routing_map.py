import pytest

from nucfuse.ensemble.routing.routing_map import Route, read_map
from nucfuse.errors import DataError

CLUSTERS = ("fluorescence", "histology")
MODELS = ("unet", "otsu", "log")
METHODS = ("weighted", "consensus")


def read(tmp_path, text):
    path = tmp_path / "map.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_map(path, CLUSTERS, MODELS, METHODS)


def test_every_cluster_gets_its_route(tmp_path):
    text = """
        [fluorescence]
        use = "unet"
        [histology]
        method = "weighted"
        models = ["otsu", "log"]
        weights = [2, 0.5]
        [histology.params]
        iou = 0.4
        outline = "majority"
        [default]
        method = "consensus"
    """
    assert read(tmp_path, text) == {
        "fluorescence": Route(use="unet"),
        "histology": Route(
            None, "weighted", ("otsu", "log"), (2.0, 0.5), {"iou": 0.4, "outline": "majority"}
        ),
        "default": Route(method="consensus"),
    }


def test_clusters_without_a_table_take_the_default(tmp_path):
    routes = read(tmp_path, '[default]\nuse = "log"\n[histology]\nmodels = ["otsu"]')
    assert routes["fluorescence"] == routes["default"] == Route(use="log")
    assert routes["histology"] == Route(models=("otsu",))


@pytest.mark.parametrize(
    "text", ["# nothing", "\ufeff# by an editor that marks UTF-8", "[histology]", "[default]"]
)
def test_without_a_default_all_is_left_to_the_command(tmp_path, text):
    assert read(tmp_path, text) == dict.fromkeys([*CLUSTERS, "default"], Route())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("[", "is no valid TOML"),
        ("[histology]\n[histology]", "is no valid TOML"),
        (b'[histology]\nuse = "\xff"', "is no UTF-8 text"),
        ("x = " + "[" * 50_000, "is nested too deeply for a routing map"),
        ('[skin]\nuse = "unet"', "cluster 'skin' is unknown; known: fluorescence, histology, def"),
        ('histology = "unet"', '[histology] must be a table, such as [histology] with use = "'),
        ("[[histology]]", "[histology] must be a table"),
        (
            '[histology]\nmodel = "unet"',
            "[histology] has no setting 'model'; there are: use, method, ",
        ),
        (
            '[default]\nuse = "vgg"',
            "[default]: prediction set 'vgg' is unknown; known: unet, ",
        ),
        ('[histology]\nuse = ["unet"]', "use must be the name of a prediction set, got ['unet']"),
        ('[histology]\nuse = "unet"\nmethod = "weighted"', "has both use and a fusion"),
        ('[histology]\nmethod = "best"', "method 'best' is unknown; known: weighted, consensus"),
        ("[histology]\nmethod = 3", "method must be the name of a method, got 3"),
        ('[histology]\nmodels = "unet"', "models must be a list of prediction sets, got 'unet'"),
        ("[histology]\nmodels = []", "models must be a list of prediction sets, got ()"),
        ('[histology]\nmodels = ["vgg"]', "prediction set 'vgg' is unknown; known: unet"),
        (
            '[histology]\nmodels = [["unet"]]',
            "models must be a list of prediction sets, got (['unet'],)",
        ),
        ('[histology]\nmodels = ["unet", "unet"]', "models names 'unet' twice"),
        ("[histology]\nweights = [1]", "has weights, but no models that they belong to"),
        ('[histology]\nmodels = ["unet"]\nweights = 1', "weights must be a list of finite"),
        ('[histology]\nmodels = ["unet"]\nweights = [1, 2]', "weights must be a list of 1 numbers"),
        (
            '[histology]\nmodels = ["unet"]\nweights = [-1]',
            "weights must be a list of finite numbers of 0 or more",
        ),
        (
            '[histology]\nmodels = ["unet"]\nweights = [nan]',
            "weights must be a list of finite numbers of 0 or more",
        ),
        (
            '[histology]\nmodels = ["unet"]\nweights = [inf]',
            "weights must be a list of finite numbers of 0 or more",
        ),
        (
            '[histology]\nmodels = ["unet"]\nweights = [true]',
            "weights must be a list of finite numbers of 0 or more",
        ),
        ('[histology]\nmodels = ["unet"]\nweights = [0.0]', "weights are all 0"),
        ('[histology]\nmethod = "weighted"\nparams = 3', "params must be a table of settings"),
        ("[histology.params]\niou = 0.5", "has params, but no method that they belong to"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, text, words):
    with pytest.raises(DataError) as caught:
        read(tmp_path, text)
    assert words in str(caught.value)
    assert str(tmp_path / "map.toml") in str(caught.value)


@pytest.mark.parametrize("missing", ["none.toml", "."])
def test_missing_file(tmp_path, missing):
    with pytest.raises(DataError):
        read_map(tmp_path / missing, CLUSTERS, MODELS, METHODS)
