"""Public datasets by their layout on disk: one module per layout, each of which yields lazy records.

Start with `find_layout(folder)` in `layouts.py`, or with `rppg dataset check DIR`.
"""
