"""What may stand behind ``--model``: a model by name, a trained network's card, the runs of several
folds, or predictions that another program made.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nucfuse.clean.splitting import split
from nucfuse.data.formats.image_folder import Images
from nucfuse.data.formats.probabilities import write_probabilities
from nucfuse.data.run_record import fingerprint
from nucfuse.errors import DataError
from nucfuse.masks.instances import Instances
from nucfuse.models.files.card import Card, is_card
from nucfuse.models.files.load import TrainedSegmenter, open_network, segmenter_of
from nucfuse.models.inference.settings import Inference
from nucfuse.models.mask_rcnn.segmenter import MaskRCNNSegmenter
from nucfuse.models.segmenter import Segmenter, get_model, model_names
from nucfuse.models.unet.segmenter import NetworkSegmenter
from nucfuse.pipeline.cross_validated import CrossValidated, is_cross_validation
from nucfuse.pipeline.members import Masks, MemberSet, open_members


class Predictor(Protocol):
    """Nuclei of an image that has an id."""

    @property
    def name(self) -> str:
        """What the model is called."""
        ...

    def describe(self) -> dict[str, Any]:
        """All that the result depends on besides the image, for JSON."""
        ...

    def predict(self, image_id: str, image: NDArray[np.uint8], maps: Path | None = None) -> Masks:
        """Nuclei; probability maps are also written to ``maps``."""
        ...


class ModelPredictor:
    """Any `Segmenter`."""

    def __init__(self, segmenter: Segmenter) -> None:
        self.name, self._segmenter = segmenter.name, segmenter

    def describe(self) -> dict[str, Any]:
        """Its name."""
        return {"model": self.name}

    def predict(self, image_id: str, image: NDArray[np.uint8], maps: Path | None = None) -> Masks:
        """Nuclei; there are no maps."""
        if maps is not None:
            raise DataError(f"model {self.name!r} gives no probability maps")
        return self._segmenter.predict(image)


class NetworkPredictor:
    """Trained networks, which have probability maps."""

    def __init__(self, segmenter: NetworkSegmenter) -> None:
        self.name, self._segmenter = segmenter.name, segmenter

    def describe(self) -> dict[str, Any]:
        """Cards and settings."""
        return self._segmenter.describe()

    def predict(self, image_id: str, image: NDArray[np.uint8], maps: Path | None = None) -> Masks:
        """Nuclei; maps are written as float16."""
        model, shape = self._segmenter, image.shape[:2]
        if maps is None:
            return model.predict(image)
        # float16 before they are whole: of a large image they are the largest thing in memory.
        bands = [band.astype(np.float16) for band in model.bands(image)]
        whole = bands[0] if len(bands) == 1 else np.concatenate(bands, axis=1)
        write_probabilities(maps, whole, model.channels)
        return model.nuclei_of((band.astype(np.float32) for band in bands), shape)


class MaskRCNNPredictor:
    """Trained Mask R-CNNs, which have no probability maps."""

    def __init__(self, segmenter: MaskRCNNSegmenter) -> None:
        self.name, self._segmenter = segmenter.name, segmenter

    def describe(self) -> dict[str, Any]:
        """Cards and settings."""
        return self._segmenter.describe()

    def predict(self, image_id: str, image: NDArray[np.uint8], maps: Path | None = None) -> Masks:
        """Nuclei."""
        if maps is not None:
            raise DataError(
                f"model {self.name!r} is a Mask R-CNN: it gives nuclei and no probability maps; "
                "leave --probabilities out, and fuse its nuclei (nucfuse fuse takes both)"
            )
        return self._segmenter.predict(image)


class Precomputed:
    """Predictions that are there already, as masks or probability maps, paired by image id."""

    def __init__(self, member: MemberSet) -> None:
        self.name, self._member = member.name, member

    def describe(self) -> dict[str, Any]:
        """Where they are, and their hash."""
        path = self._member.source.path
        return {"model": str(path), **fingerprint(path)}

    def predict(self, image_id: str, image: NDArray[np.uint8], maps: Path | None = None) -> Masks:
        """Nuclei as read; maps are split as `nucfuse clean` splits them."""
        if maps is not None:
            raise DataError(f"{self.name}: --probabilities copies no maps that are there already")
        if image_id not in self._member.words:
            raise DataError(f"{self._member.source.path}: no prediction of image {image_id!r}")
        masks = self._member.read(image_id)
        if self._member.is_map:
            masks = split(masks, source=self.name)  # type: ignore[arg-type]
        shape = masks.shape if isinstance(masks, Instances) else masks.shape[-2:]
        if shape != image.shape[:2]:
            raise DataError(
                f"{self._member.source.path}: image {image_id!r} is {image.shape[:2]}, its "
                f"prediction {shape}"
            )
        return masks


def open_predictor(
    model: str, source: Images, given: Mapping[str, Any], threads: int = 1
) -> Predictor:
    """The model of that name, or the card, runs of several folds, or predictions at that path.

    Parameters
    ----------
    model : str
    source : Images
        That know the sizes, for formats without.
    given : mapping
        Settings of `Inference` that are not to be the defaults.
    threads : int
        Cores for one image in a network.

    Raises
    ------
    DataError
        If there is no such model or path, it cannot be loaded, or settings are given for something
        else than a network.
    """
    known = model_names()
    path = Path(model)
    if model in known:
        segmenter = get_model(model)
    elif is_card(path):
        segmenter = open_network(path)
    elif is_cross_validation(path):
        return _cross_validated(path, given, threads)
    elif path.exists():
        _check_no_settings(model, given)
        return Precomputed(open_members([path], [path.stem], None, source.shape)[0])
    else:
        raise DataError(
            f"no model is called {model!r}, and there is no such file or folder; there are: "
            f"{', '.join(known)}"
        )
    if isinstance(segmenter, TrainedSegmenter):
        try:
            return _of_networks(segmenter.with_settings(threads=threads, **given))
        except ValueError as error:
            raise DataError(str(error)) from None
    _check_no_settings(model, given)
    return ModelPredictor(segmenter)


def _cross_validated(folder: Path, given: Mapping[str, Any], threads: int) -> CrossValidated:
    try:
        settings = Inference(threads=threads, **given)
    except ValueError as error:
        raise DataError(str(error)) from None

    def make(cards: Sequence[Card]) -> Predictor:
        return _of_networks(segmenter_of(cards, folder.name, settings))

    return CrossValidated(folder, make)


def _of_networks(segmenter: TrainedSegmenter) -> Predictor:
    if isinstance(segmenter, MaskRCNNSegmenter):
        return MaskRCNNPredictor(segmenter)
    return NetworkPredictor(segmenter)


def _check_no_settings(model: str, given: Mapping[str, Any]) -> None:
    if given:
        names = ", ".join(f"--{name}" for name in given)
        raise DataError(f"model {model!r} is no network and takes no {names}")
