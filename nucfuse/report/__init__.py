"""Results as text for people and as files for machines; nothing else shows or writes them.

- `scores` (of `results`), `fusions`, `predictions`, `training`, `exploration`, `anchors`, `doctor`,
  `model_list`, `written`: what a command says.
- `tables`, `files`, `pictures`, `plots`, `progress`: how.
"""

from typing import TYPE_CHECKING

from nucfuse._lazy import attach

if TYPE_CHECKING:
    from nucfuse.report.doctor import doctor_json, doctor_text
    from nucfuse.report.exploration import exploration_text, write_exploration
    from nucfuse.report.fusions import FusedImage, FusionFiles, FusionSummary, fusion_files
    from nucfuse.report.pictures import contact_sheet, explain_picture, outlines, write_png
    from nucfuse.report.predictions import PredictionReport
    from nucfuse.report.results import ScoreResult
    from nucfuse.report.scores import (
        comparison_json,
        comparison_text,
        score_json,
        score_text,
        write_comparison,
        write_scores,
    )

__getattr__, __dir__, __all__ = attach(__name__)
