"""What may stand behind ``--model``: a model, the runs of several folds, or predictions."""

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
from nucfuse.models.files.run import PARTS, card_of_run, held_out_of, is_run, runs_in
from nucfuse.models.inference.settings import Inference
from nucfuse.models.load import (
    check_no_settings,
    load_model,
    model_names,
    no_such_model,
    segmenter_of,
)
from nucfuse.models.segmenter import Segmenter
from nucfuse.models.trained import TrainedSegmenter
from nucfuse.pipeline.members import Masks, MemberSet, open_members
from nucfuse.pipeline.running import Reading, distinct_names


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
        """Nuclei of an RGB image; its probability maps are also written to ``maps``."""
        ...


class ModelPredictor:
    """A `Segmenter`, which needs no id."""

    def __init__(self, segmenter: Segmenter) -> None:
        self.name, self._segmenter = segmenter.name, segmenter

    def describe(self) -> dict[str, Any]:
        """Its name; of trained networks cards and settings too."""
        if isinstance(self._segmenter, TrainedSegmenter):
            return self._segmenter.describe()
        return {"model": self.name}

    def predict(self, image_id: str, image: NDArray[np.uint8], maps: Path | None = None) -> Masks:
        """See `Predictor`."""
        if maps is None:
            return self._segmenter.predict(image)
        if not isinstance(self._segmenter, TrainedSegmenter):
            raise DataError(f"model {self.name!r} gives no probability maps")
        nuclei, values, names = self._segmenter.predict_with_maps(image)
        write_probabilities(maps, values, names)
        return nuclei


class CrossValidated:
    """The networks of several folds: each image by those that have not seen it.

    An image is predicted by the mean of all networks that held it out, and by no other. So what is
    said of the images of a data set can be scored, fused and learned from as what a model says of
    images that it has not seen.

    Parameters
    ----------
    folder : Path
        Its folders are runs of `nucfuse train` or hold some, of one protocol and any number of
        seeds and bags: SEED/FOLD as well as FOLD.
    settings : Inference
        How the networks are run.

    Raises
    ------
    DataError
        If a run is unfinished or damaged.
    """

    def __init__(self, folder: Path, settings: Inference) -> None:
        self.name, self._folder = folder.name, folder
        cards: dict[str, list[Card]] = {}
        for run in runs_in(folder):
            card = card_of_run(run)
            for image_id in held_out_of(run / PARTS):
                cards.setdefault(image_id, []).append(card)
        groups = {tuple(card.path for card in group): group for group in cards.values()}
        models = {
            paths: ModelPredictor(segmenter_of(group, folder.name, settings))
            for paths, group in groups.items()
        }
        self._models = {i: models[tuple(card.path for card in cards[i])] for i in cards}

    def describe(self) -> dict[str, Any]:
        """Name, and what each group of networks says of itself."""
        groups = {id(model): model.describe() for model in self._models.values()}
        return {"model": self.name, "folds": list(groups.values())}

    def predict(self, image_id: str, image: NDArray[np.uint8], maps: Path | None = None) -> Masks:
        """Nuclei of an image that some network held out, see `Predictor`."""
        if image_id not in self._models:
            raise DataError(
                f"{self._folder}: no network held out image {image_id!r}; train the missing folds, "
                "or name one network by its .json"
            )
        return self._models[image_id].predict(image_id, image, maps)


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


def open_predictor(model: str, source: Images, settings: Inference) -> Predictor:
    """Open the model of that name, or what is at that path.

    Parameters
    ----------
    model : str
        A name; or the path of a network's card, of a run of `nucfuse train`, of a folder of runs,
        or of predictions.
    source : Images
        That know the sizes, for formats without.
    settings : Inference
        How networks are run.

    Raises
    ------
    DataError
        If there is no such model or path, it cannot be loaded, or settings are given for something
        else than a network.
    """
    path = Path(model)
    if model in model_names() or is_card(path) or is_run(path):
        return ModelPredictor(load_model(model, settings))
    if runs_in(path):
        return CrossValidated(path, settings)
    if not path.exists():
        raise no_such_model(model)
    check_no_settings(model, settings)
    return Precomputed(open_members([path], distinct_names([path]), Reading(), source.shape)[0])
