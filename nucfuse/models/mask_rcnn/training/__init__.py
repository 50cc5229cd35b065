"""What is learned: `sampling` draws anchors and regions, `mask_targets` reads their nuclei.

`targets` puts them together for a batch, `losses` compares, `step` moves the weights, `validation`
scores a model.
"""
