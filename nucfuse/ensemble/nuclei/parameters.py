"""What can be set in a fusion of nuclei or maps: names, ranges and defaults, in this one place.

A search over methods reads the tables `instance.METHODS` and `fuse.PIXEL_PARAMETERS`, which are
made of these; the functions of this package take their defaults and checks from here.
"""

from dataclasses import dataclass
from math import inf

from nucfuse.clean.parameters import Parameter


@dataclass(frozen=True, slots=True)
class Choice:
    """One setting that is a word.

    Attributes
    ----------
    name, default : str
    choices : tuple of str
    what : str
        One line for a person.
    """

    name: str
    default: str
    choices: tuple[str, ...]
    what: str

    @property
    def range(self) -> str:
        """What it may be, in words."""
        return "one of " + ", ".join(map(repr, self.choices))

    def checked(self, value: object) -> str:
        """The value, if it is one of the choices; else a ValueError."""
        if not isinstance(value, str) or value not in self.choices:
            raise ValueError(f"{self.name} must be {self.range}, got {value!r}")
        return value


@dataclass(frozen=True, slots=True)
class Switch:
    """One setting that is yes or no.

    Attributes
    ----------
    name : str
    default : bool
    what : str
        One line for a person.
    """

    name: str
    default: bool
    what: str

    @property
    def range(self) -> str:
        """What it may be, in words."""
        return "true or false"

    def checked(self, value: object) -> bool:
        """The value, if it is true, false, 1 or 0; else a ValueError."""
        if not isinstance(value, bool | int) or value not in (0, 1):
            raise ValueError(f"{self.name} must be {self.range}, got {value!r}")
        return bool(value)


Setting = Parameter | Choice | Switch

IOU = Parameter("iou", 0.5, 0, 1, "nuclei are the same above this intersection over union")
OVER = Choice(
    "over", "union", ("union", "smaller"), "what the intersection of two nuclei is divided by"
)
DECAY = Choice("decay", "linear", ("linear", "gaussian"), "how a score falls with the IoU")
SOFT_SIGMA = Parameter(
    "sigma", 0.5, 1e-3, 1e3, "Gaussian only: a score falls by exp(-IoU ** 2 / sigma)"
)
MATRIX_SIGMA = Parameter(
    "sigma", 2.0, 1e-3, 1e3, "Gaussian only: a score falls by exp(-sigma * IoU ** 2)"
)
MIN_SCORE = Parameter(
    "min_score", 0.05, 0, 1, "nuclei whose score is, or falls to, this or below are left out"
)
THRESHOLD = Parameter(
    "threshold", 0.5, 0, 1, "a pixel is in if more than this share of the votes is for it"
)
ABSENT = Parameter(
    "absent", 0.8, 0, 1, "share of its weight that a model without a nucleus there votes against it"
)
MIN_VOTES = Parameter(
    "min_votes", 2, 1, inf, "models that must have a nucleus (all, if there are fewer models)"
)
MIN_WEIGHT = Parameter("min_weight", 0.0, 0, 1, "share of all weight that must have a nucleus")
OUTLINE = Choice(
    "outline", "majority", ("majority", "medoid"),
    "the pixels most members have, or the member that is most like the others",
)  # fmt: skip
MIN_AGREEING = Parameter(
    "min_votes", 3, 2, inf, "models that must agree before an outline is replaced"
)
PRIMARY = Parameter("primary", 0, 0, inf, "which set comes before all others, from 0")
OVERLAP = Parameter(
    "overlap", 0.25, 0, 1, "share of the smaller nucleus that an addition may overlap what is there"
)  # fmt: skip
MIN_POSTERIOR = Parameter(
    "min_posterior", 0.5, 0, 1, "nuclei must be real with a probability above this"
)
MIN_LEFT = Parameter(
    "min_left",
    0.5,
    0,
    1,
    "results that keep less of their pixels when overlaps are cut are dropped",
)

TRIM = Parameter("trim", 0.25, 0, 0.5, "share of the weight that is cut from either end")
RESAMPLE = Switch("resample", False, "whether maps of other sizes are brought to that of the first")

BOX_IOU = Parameter("iou", 0.55, 0, 1, "a box joins a fused box above this IoU")
SKIP_SCORE = Parameter("min_score", 0.0, 0, 1, "boxes with a lower score are left out")
BOX_SCORE = Choice(
    "score", "mean", ("mean", "max", "models", "absent"), "how the score of a fused box is made"
)
