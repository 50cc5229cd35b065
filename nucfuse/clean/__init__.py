"""Cleaning of predicted nuclei."""
