"""The app: `rppg demo`, or `python -m demo.app`. Wiring in app, numbers in inference, words in texts.

The wheel installs this folder as `rppg_demo`, so its files import each other relatively.
"""
