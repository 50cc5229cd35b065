"""Values per image, such as its modality, by which scores are told apart."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import pandas as pd

# A value for each image in their order; a table may have a column or index "image_id" instead.
Strata: TypeAlias = "Mapping[str, Sequence[Any]] | pd.DataFrame | None"


def columns_of(strata: Strata, image_ids: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """Strata by name, in the order of the images.

    Raises
    ------
    ValueError
        If a table with image ids lacks one of the images.
    """
    table: Any = {} if strata is None else strata
    if "image_id" in getattr(table, "columns", ()):
        table = table.set_index("image_id")
    if getattr(getattr(table, "index", None), "name", None) == "image_id":
        absent = [image_id for image_id in image_ids if image_id not in table.index]
        if absent:
            raise ValueError(f"strata have no row for {len(absent)} images, such as {absent[0]!r}")
        table = table.loc[list(image_ids)]
    return {str(name): tuple(values) for name, values in table.items()}
