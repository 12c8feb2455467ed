"""The app: `rppg demo`, or `python -m demo.app`. Wiring in app, numbers in inference, words in texts."""
