"""ImageJ and Fiji (write only): a zip of ROIs per image, for the ROI Manager."""

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import roifile
from numpy.typing import NDArray

from nucfuse.data.atomic_output import atomic_folder
from nucfuse.data.dataset import Sample
from nucfuse.data.formats.writing import unique_with_ids
from nucfuse.data.image_ids import escape_id
from nucfuse.masks.instances import Instances

# A fixed date (the earliest that zip knows) makes equal masks equal files.
_NO_DATE = (1980, 1, 1, 0, 0, 0)


def write(path: Path, samples: Iterable[Sample]) -> None:
    """Write a folder with one ``ID.zip`` per image; ids are made safe as file names.

    Parameters
    ----------
    path : Path
        The folder; made if it is new.
    samples : iterable of Sample

    Raises
    ------
    DataError
        If an id comes twice, a sample is a label volume, or the disk refuses.

    Notes
    -----
    One polygon ROI per piece of a nucleus, named by the id of the nucleus in the label image that
    it came from, else by its number from 1: "0007", or "0007-1", "0007-2" if it is in several
    pieces. Outlines run along the edges of pixels, as those of ImageJ's wand do, so areas are those
    of the masks, but holes are filled: a polygon ROI has none. A score is kept as the property
    "score". An image without nuclei gets an empty zip.
    """
    with atomic_folder(path) as part:
        for image_id, masks, ids in unique_with_ids(samples):
            target = part / f"{escape_id(image_id)}.zip"
            with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
                for roi in _rois(masks, ids):
                    entry = zipfile.ZipInfo(f"{roi.name}.roi", _NO_DATE)
                    entry.compress_type = zipfile.ZIP_DEFLATED
                    file.writestr(entry, roi.tobytes())


def _rois(masks: Instances, ids: NDArray[np.int64]) -> Iterator[roifile.ImagejRoi]:
    digits = max(4, len(str(ids.max(initial=0))))
    for i, rings in enumerate(masks.to_polygons()):
        for piece, ring in enumerate(rings, 1):
            name = f"{ids[i]:0{digits}}" + (f"-{piece}" if len(rings) > 1 else "")
            # Whole numbers: ImageJ takes fractions for subpixel ROIs, which it fills otherwise.
            corners = np.array(ring, np.int64).reshape(-1, 2)
            roi = roifile.ImagejRoi.frompoints(corners, name=name)
            roi.roitype = roifile.ROI_TYPE.POLYGON
            if not np.isnan(masks.scores[i]):
                roi.props = f"score: {masks.scores[i]!s}\n"
            yield roi
