"""The fingerprint of the sources that rendered kept clips."""

from rppg_core.lab.protocols import kept_clips
from rppg_core.lab.protocols.kept_clips import source_fingerprint


def test_source_fingerprint_covers_the_renderer_and_the_pass_but_no_words(monkeypatch):
    before = source_fingerprint()
    read = kept_clips.Path.read_text

    def changed(old: str, new: str):
        source_fingerprint.cache_clear()
        monkeypatch.setattr(kept_clips.Path, "read_text", lambda path, **k: read(path, **k).replace(old, new))
        return source_fingerprint()

    assert changed("# ", "# words: ") == before
    assert changed("GRID = 72", "GRID = 73") != before  # video/roi.py
    assert changed("SHADING_PER_WIDTH", "SHADING") != before  # simulate/render.py
    source_fingerprint.cache_clear()
