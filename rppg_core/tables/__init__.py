"""Number tables that users bring, in whichever dialect their program wrote them.

Floor 1. `text.py` turns bytes into lines, `cells.py` knows what a number is, `rows.py` finds delimiter and decimal
sign, and `table.py` gives columns of numbers. Nothing is guessed: what can be read in two ways is refused in words.
"""
