"""Helpers that the chapters of *Deep Learning Three Ways* import."""
