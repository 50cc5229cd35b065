"""Trained networks on disk: `card` says what one is, `read_card` reads it, `run` those of runs.

`export` writes graphs, weights and cards; `initial_weights` gives a network those of another.

Public: `card.Card`, `read_card.read_card`, `run.card_of_run`.
"""
