"""Routing: which kind of image this is, learned from images without labels.

- `features`: numbers that tell kinds of microscopy apart; `router`: clusters of images by these.
- `router_file`: routers as JSON files; `routing_map`: TOML files that say what each cluster gets.
"""
