"""Tables of numbers from users, in any dialect that programs write.

`text.py` turns bytes into lines, `cells.py` recognises numbers, `rows.py` finds delimiter and decimal sign, and
`table.py` gives columns of numbers. Nothing is guessed: a table that can be read in two ways is refused
with an explanation.
"""
