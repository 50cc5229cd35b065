"""Cleaning of predicted nuclei: from maps to nuclei, without overlaps, specks and holes.

- `splitting`: maps to nuclei, `bands`: of large images; `overlaps`: every pixel to one nucleus.
- `objects`: rules about whole nuclei; `selection`: which are worth keeping.
"""

from typing import TYPE_CHECKING

from nucfuse._lazy import attach

if TYPE_CHECKING:
    from nucfuse.clean.bands import split_bands
    from nucfuse.clean.objects import (
        Cleaning,
        clean_instances,
        clean_objects,
        clean_overlapping,
    )
    from nucfuse.clean.overlaps import remove_overlaps
    from nucfuse.clean.selection import Selection, select
    from nucfuse.clean.splitting import split, split_labels, split_settings

__getattr__, __dir__, __all__ = attach(__name__)
