"""Scores, all from one matching of truth and prediction."""
