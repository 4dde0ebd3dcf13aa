"""Comparisons with other libraries and measurements of the recipes."""
