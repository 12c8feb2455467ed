"""Datasets of the field by the way they lie on a disk: one file a layout, lazy records out of each.

Floor 3. Start with `find_layout(folder)` in `layouts.py`, or with `rppg dataset check DIR`.
"""
