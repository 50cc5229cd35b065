"""Draw docs/overview.jpg: one sample image of each modality, every nucleus in its colour.

Run from the project's root: python docs/make_picture.py
"""

from pathlib import Path

import cv2
import numpy as np

import nucfuse as nf
from nucfuse.data.images import read_image, read_labels
from nucfuse.data.modality import modality
from nucfuse.data.sample import sample_folder
from nucfuse.models.base import get_model

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
    crop = image[:SIDE, :SIDE]
    # Stretched, or the dim nuclei of fluorescence could not be seen.
    crop = np.clip(crop * (255 / max(1, int(np.percentile(crop, 99.9)))), 0, 255).astype(np.uint8)
    big = cv2.resize(crop, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
    for value, kind in kinds.items():
        mask = (labels[:SIDE, :SIDE] == value).astype(np.uint8)
        mask = cv2.resize(mask, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_NEAREST)
        rings, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(big, rings, -1, COLOURS[kind], 2, cv2.LINE_AA)
    return big


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
    column = np.vstack([sides[0], np.full((6, SIDE * SCALE, 3), 255, np.uint8), sides[1]])
    text = f"{modality(image)}: dsb_ap {scores.dsb_ap:.3f}"
    head = np.full((34, SIDE * SCALE, 3), 255, np.uint8)
    cv2.putText(head, text, (6, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([head, column])


def main():
    """One panel per modality and a legend."""
    folder, model = sample_folder(), get_model("otsu")
    chosen = {}
    for path in sorted((folder / "images").glob("*.png")):
        image = read_image(path)
        if min(image.shape[:2]) >= SIDE:
            chosen.setdefault(modality(image), path)
    panels = [panel(p, folder / "truth" / p.name, model) for _, p in sorted(chosen.items())]
    gap = np.full((panels[0].shape[0], 6, 3), 255, np.uint8)
    picture = np.hstack([part for p in panels for part in (p, gap)][:-1])
    legend = np.full((36, picture.shape[1], 3), 255, np.uint8)
    for k, (kind, colour) in enumerate(COLOURS.items()):
        x = 10 + 170 * k
        cv2.rectangle(legend, (x, 10), (x + 16, 26), colour, -1)
        cv2.putText(legend, kind.replace("_", " "), (x + 22, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.55,
                    (0, 0, 0), 1, cv2.LINE_AA)  # fmt: skip
    picture = np.vstack([picture, legend])
    cv2.imwrite(
        str(Path(__file__).parent / "overview.jpg"),
        picture[..., ::-1],
        [cv2.IMWRITE_JPEG_QUALITY, 88],
    )


if __name__ == "__main__":
    main()
