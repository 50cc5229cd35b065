"""Which models there are, and what their cards say."""

from typing import Any

from nucfuse.data.run_record import to_json as json_text
from nucfuse.models.files.card import Card, shipped_cards
from nucfuse.models.files.read_card import read_card
from nucfuse.models.load import default_model, model_names


def to_text() -> str:
    """One line for each model: name, kind, input, size of its files, scores."""
    cards = {name: read_card(path) for name, path in shipped_cards().items()}
    rows = [["model", "kind", "input", "size", "scores"]]
    for name in model_names():
        said = _of_card(cards[name]) if name in cards else ["-"] * 4
        rows.append([f"{name} (default)" if name == default_model() else name, *said])
    widths = [max(len(row[k]) for row in rows) for k in range(4)]
    lines = [
        "  ".join([*(w.ljust(n) for w, n in zip(r, widths, strict=False)), r[4]]).rstrip()
        for r in rows
    ]
    return "\n".join(lines)


def to_json() -> str:
    """Cards of the shipped networks by name."""
    cards = {name: read_card(path) for name, path in shipped_cards().items()}
    return json_text({name: card.document for name, card in cards.items()})


def _of_card(card: Card) -> list[str]:
    if card.members:
        kind, seen, size = f"{len(card.members)} networks", "-", "-"
    else:
        files = [card.path.with_name(name) for name in card.files if name.endswith(".onnx")]
        kind, seen = card.kind, card.input
        size = f"{sum(f.stat().st_size for f in files) / 1e6:.1f} MB"
    return [kind, seen, size, _scores(card.document.get("scores"))]


def _scores(scores: Any) -> str:
    """Numbers of a card's scores by name; what is not a number is left to --json."""
    if not isinstance(scores, dict):
        return "-"
    flat = [
        f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}"
        for k, v in scores.items()
        if isinstance(v, (int, float))
    ]
    protocols = scores.get("out_of_fold")
    if isinstance(protocols, dict):
        flat += [f"{k} {v['dsb_ap']:.3f}" for k, v in protocols.items()]
    return ", ".join(flat) or "see --json"
