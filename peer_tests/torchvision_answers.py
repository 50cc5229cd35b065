"""Answers of torchvision's operators, for an interpreter that has it: QUESTION IN.npz OUT.npz.

Boxes are (y0, x0, y1, x1) and maps (B, H, W, C) in the files; torchvision has x first and (B, C, H,
W). It imports nothing from nucfuse.
"""

import sys

import numpy as np
import torch
from torch.nn import functional
from torchvision import ops
from torchvision.models.detection import maskrcnn_resnet50_fpn
from torchvision.models.detection._utils import BoxCoder
from torchvision.ops.poolers import LevelMapper

XY = [1, 0, 3, 2]


def _pooled(pool, maps, rois, images, *about):
    planes = torch.from_numpy(maps).permute(0, 3, 1, 2).contiguous().requires_grad_()
    with_image = torch.cat([torch.from_numpy(images)[:, None].float(),
                            torch.from_numpy(rois[:, XY])], 1)  # fmt: skip
    values = pool(planes, with_image, *about)
    values.sum().backward()
    return {"values": values.detach().permute(0, 2, 3, 1).numpy(),
            "gradient": planes.grad.permute(0, 2, 3, 1).numpy()}  # fmt: skip


def roi_align(maps, rois, images, size, samples):
    """Values of the bins, and the gradient of their sum."""

    def pool(planes, boxes):
        return ops.roi_align(planes, boxes, int(size), 1.0, int(samples), True)

    return _pooled(pool, maps, rois, images)


def roi_pool(maps, rois, images, size):
    """Values of the bins, and the gradient of their sum."""
    return _pooled(lambda planes, boxes: ops.roi_pool(planes, boxes, int(size)), maps, rois, images)


def nms(boxes, scores, iou):
    """Indices of the boxes that stay, the best first."""
    return {"kept": ops.nms(*map(torch.from_numpy, (boxes, scores)), float(iou)).numpy()}


def box_coding(boxes, anchors, deltas, std):
    """Deltas of boxes, and boxes of deltas."""
    coder = BoxCoder(tuple(1 / std[XY]))
    boxes, anchors, deltas = (torch.from_numpy(a[:, XY].copy()) for a in (boxes, anchors, deltas))
    return {"deltas": coder.encode_single(boxes, anchors).numpy()[:, XY],
            "boxes": coder.decode_single(deltas, anchors).numpy()[:, XY]}  # fmt: skip


def levels(rois):
    """Levels of the paper's sizes, the one of stride 4 as 0."""
    mapper = LevelMapper(2, 5, canonical_scale=224, canonical_level=4)
    return {"levels": mapper([torch.from_numpy(rois[:, XY].copy())]).numpy()}


def losses(error, logits, match, classes, probabilities):
    """Smooth L1 of each error; the two cross-entropies."""
    error, logits, match, classes, probabilities = map(
        torch.from_numpy, (error, logits, match, classes, probabilities)
    )
    smooth = functional.smooth_l1_loss(error, torch.zeros_like(error), reduction="none")
    sampled = match >= 0
    binary = functional.binary_cross_entropy_with_logits(logits[sampled], match[sampled].float())
    category = functional.nll_loss(probabilities.log(), classes.long())
    return {"smooth_l1": smooth.numpy(), "binary": binary.numpy(), "category": category.numpy()}


def parameters():
    """Of a Mask R-CNN with ResNet-50 and two classes, without normalisation."""
    model = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=2)
    layers = (torch.nn.Conv2d, torch.nn.ConvTranspose2d, torch.nn.Linear)
    count = sum(p.numel() for m in model.modules() if isinstance(m, layers) for p in m.parameters())
    return {"count": np.array(count)}


if __name__ == "__main__":
    question, given, answer = sys.argv[1:]
    with np.load(given) as arrays:
        np.savez(answer, **globals()[question](**arrays))
