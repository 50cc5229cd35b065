"""GeoJSON for QuPath (write only): a FeatureCollection per image, outlines with holes."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nucfuse.data.atomic_output import atomic_folder
from nucfuse.data.dataset import Sample
from nucfuse.data.formats.writing import unique_with_ids
from nucfuse.data.image_ids import escape_id
from nucfuse.masks.instances import Instances
from nucfuse.masks.polygons import Ring, pieces_with_holes


def write(
    path: Path,
    samples: Iterable[Sample],
    object_type: Literal["annotation", "detection"] = "detection",
) -> None:
    """Write a folder with one ``ID.geojson`` per image; ids are made safe as file names.

    Parameters
    ----------
    path : Path
        The folder; made if it is new.
    samples : iterable of Sample
    object_type : {"detection", "annotation"}
        What QuPath makes of a nucleus. Detections stay quick with many thousands; annotations can
        be edited by hand.

    Raises
    ------
    ValueError
        If ``object_type`` is another.
    DataError
        If an id comes twice, a sample is a label volume, or the disk refuses.

    Notes
    -----
    A nucleus is a Polygon, or a MultiPolygon if it is in several pieces; holes are inner rings.
    Outlines run along the edges of pixels, (0, 0) being the upper left corner of the first, so
    QuPath's area in pixels is the mask's. The name is the id of the nucleus in the label image that
    it came from, else its number from 1; the classification "nucleus", or "class C" where there are
    classes; the score is a measurement.
    Masks without pixels have no outline and are left out.
    """
    if object_type not in ("annotation", "detection"):
        raise ValueError(f"object_type must be 'annotation' or 'detection', got {object_type!r}")
    with atomic_folder(path) as part:
        for image_id, masks, ids in unique_with_ids(samples):
            with (part / f"{escape_id(image_id)}.geojson").open("w", encoding="ascii") as file:
                file.write('{"type": "FeatureCollection", "features": [\n')
                features = _features(masks, ids, object_type)
                file.write(",\n".join(json.dumps(f, separators=(",", ":")) for f in features))
                file.write("\n]}\n")


def _features(
    masks: Instances, ids: NDArray[np.int64], object_type: str
) -> Iterator[dict[str, Any]]:
    for i, (crop, corner) in enumerate(zip(*masks.to_crops(), strict=True)):
        if not masks.areas[i]:
            continue
        name = "nucleus" if masks.classes is None else f"class {masks.classes[i]}"
        properties: dict[str, Any] = {
            "objectType": object_type,
            "name": str(ids[i]),
            "classification": {"name": name},
        }
        if not np.isnan(masks.scores[i]):
            properties["measurements"] = {"score": float(str(masks.scores[i]))}
        geometry = _geometry(pieces_with_holes(crop, corner))
        yield {"type": "Feature", "geometry": geometry, "properties": properties}


def _geometry(pieces: list[list[Ring]]) -> dict[str, Any]:
    """GeoJSON rings are closed: the last corner repeats the first."""
    closed = [[np.concatenate([ring, ring[:1]]).tolist() for ring in piece] for piece in pieces]
    if len(closed) == 1:
        return {"type": "Polygon", "coordinates": closed[0]}
    return {"type": "MultiPolygon", "coordinates": closed}
