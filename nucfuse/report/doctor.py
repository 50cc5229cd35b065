"""The doctor's findings as text and as JSON."""

import json
from dataclasses import asdict

from nucfuse.data.doctor import Report

_REMEDIES = {
    "unreadable": "mend or leave out the file",
    "not labels": "see the message",
    "image size": "mask and image must have one size; was one of them resized or transposed?",
    "missing image": "every image needs a prediction; predict it, or leave it out on purpose",
    "unknown image": "remove it, or look for a typing error in its name",
    "similar id": "rename one: on some disks these are one file",
    "note": "see the message",
    "empty": "fine if the image has no nuclei",
    "overlap": "nucfuse submit gives every pixel to one nucleus",
    "duplicate mask": "remove one of the two",
    "hole": "fill, unless the hole is real",
    "pieces": "split, or keep the largest piece",
    "speck": "remove, unless so small a nucleus is real",
    "duplicate image": "keep the copies in one fold, or remove one",
}


def doctor_json(report: Report) -> str:
    """Write the findings as JSON."""
    return json.dumps(asdict(report), indent=2, ensure_ascii=False)


def doctor_text(report: Report, examples: int = 3) -> str:
    """Write the findings for people: per kind how often, a remedy, and the first examples."""
    lines = [f"{report.path}: {report.format}, {report.n_images} images, {report.n_nuclei} nuclei"]
    if not report.findings:
        return lines[0] + "\nNothing wrong was found."
    for kind, remedy in _REMEDIES.items():
        found = [f for f in report.findings if f.kind == kind]
        if not found:
            continue
        total = sum(f.count for f in found)
        lines.append(f"\n{kind}: {total} in {len(found)} images. Remedy: {remedy}.")
        lines += [f"  {f.image_id}: {f.detail}" for f in found[:examples]]
        if len(found) > examples:
            lines.append(f"  … and {len(found) - examples} more images (--json lists all)")
    return "\n".join(lines)
