"""The app: `rppg demo`, or `python -m demo.app`. The page is in app, the analysis in inference, the prose in texts.

The wheel installs this folder as `rppg_demo`, so its files use relative imports.
"""
