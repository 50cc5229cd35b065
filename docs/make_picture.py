"""Draw docs/overview.jpg: one sample image of each modality, every nucleus in its colour.

Run from the project's root: python docs/make_picture.py
"""

from pathlib import Path

import cv2
import numpy as np

import nucfuse as nf
from nucfuse.data.modality import modality
from nucfuse.data.readers.raster import read_image, read_labels
from nucfuse.data.sample_images import sample_folder
from nucfuse.models.load import load_model
from nucfuse.report.pictures import grid, legend, outlines, titled

# RGB of a nucleus's outline, by what became of it.
COLOURS = {
    "hit": (60, 220, 90),
    "missed": (255, 60, 60),
    "spurious": (255, 150, 30),
    "split": (90, 170, 255),
    "merged": (240, 80, 240),
    "poor_boundary": (255, 235, 60),
}
SIDE, SCALE = 256, 2


def drawn(image, labels, kinds):
    """A crop of the image, enlarged, with outlines of the labels in the colours of their kinds."""
    crop = labels[:SIDE, :SIDE]
    colours = [COLOURS[kinds[value]] for value in np.unique(crop[crop > 0])]
    return outlines(image[:SIDE, :SIDE], crop, np.reshape(colours, (-1, 3)), SCALE)


def panel(path, truth_path, model):
    """Truth (above) and prediction (below) of one image, and its score."""
    image, truth = read_image(path), read_labels(truth_path)
    found = model.predict(image)
    scores = nf.score(truth, found)
    table = scores.objects
    pred = found.to_labels() if isinstance(found, nf.Instances) else found
    sides = []
    for side, labels in (("true", truth), ("pred", pred)):
        own = table[table["side"] == side]
        sides.append(drawn(image, labels, dict(zip(own["id"], own["kind"], strict=True))))
    return titled(grid(sides, 1), f"{modality(image)}: dsb_ap {scores.dsb_ap:.3f}", 0.7)


def main():
    """One panel per modality and a legend."""
    folder, model = sample_folder(), load_model("otsu")
    chosen = {}
    for path in sorted((folder / "images").glob("*.png")):
        image = read_image(path)
        if min(image.shape[:2]) >= SIDE:
            chosen.setdefault(modality(image), path)
    panels = [panel(p, folder / "truth" / p.name, model) for _, p in sorted(chosen.items())]
    picture = grid(panels, len(panels))
    entries = {kind.replace("_", " "): colour for kind, colour in COLOURS.items()}
    picture = np.vstack([picture, legend(entries, picture.shape[1])])
    cv2.imwrite(
        str(Path(__file__).parent / "overview.jpg"),
        picture[..., ::-1],
        [cv2.IMWRITE_JPEG_QUALITY, 88],
    )


if __name__ == "__main__":
    main()
