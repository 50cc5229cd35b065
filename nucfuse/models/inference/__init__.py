"""How trained networks of every kind are run over an image.

`settings` says how; `scale` measures nuclei and brings images to a size that a network knows,
`tiling` cuts large ones, `views` turns and flips them, `onnx_session` runs the graphs and
`time_limit` stops those that do not end.

Public: `settings.Inference`.
"""
