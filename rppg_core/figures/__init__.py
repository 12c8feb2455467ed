"""Figures and pages by plotly, one file per subject."""
