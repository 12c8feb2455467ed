"""Plotly figures and HTML pages, one file per subject."""
