"""Tone leakage of wavelets: db4 keeps more of a tone in its octave than Haar does."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from rppg_core.lab.protocols.wavelets import TONES_HZ, main, own_octave_shares  # noqa: E402
from rppg_core.lab.simulate.settings import SIMULATOR_VERSION  # noqa: E402
from rppg_core.models.physvlm import PhysVLMConfig  # noqa: E402
from rppg_core.models.recipe import card_from_recipe, get_recipe  # noqa: E402
from rppg_core.models.weights import create_model, save_model  # noqa: E402
from rppg_core.nn.wavelets import FILTERS  # noqa: E402

SMALL = PhysVLMConfig.small()


def test_smoother_wavelets_keep_more_of_a_tone_in_its_octave():
    haar, db4, coif6 = (own_octave_shares(name, SMALL) for name in ("haar", "db4", "coif6"))
    assert all(0 < share < 1 for share in (*haar, *db4))
    assert all(a < b < c for a, b, c in zip(haar, db4, coif6, strict=True))
    assert db4[TONES_HZ.index(1.2)] > 0.75 and haar[TONES_HZ.index(1.2)] < 0.6


def test_a_filter_that_was_not_trained_yet_is_the_wavelet_it_starts_from():
    taps = torch.tensor(FILTERS["db4"])
    assert own_octave_shares(taps, SMALL) == pytest.approx(own_octave_shares("db4", SMALL), abs=1e-5)


def test_table_has_every_wavelet_and_the_learned_one(tmp_path, capsys):
    recipe = replace(get_recipe("physvlm"), config=replace(PhysVLMConfig.tiny(), learned_filters=True))
    model = create_model("physvlm", recipe.config)
    card = card_from_recipe(recipe, model, data="none", simulator_version=SIMULATOR_VERSION, limits="none")
    save_model(tmp_path / "learned.safetensors", model, card)
    assert main(["--weights", str(tmp_path / "learned.safetensors")]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in (*FILTERS, f"learned, {recipe.steps} steps, seed 0"))


def test_weights_without_a_learned_filter_are_refused(tmp_path, capsys):
    recipe = replace(get_recipe("physvlm"), config=PhysVLMConfig.tiny())
    model = create_model("physvlm", recipe.config)
    card = card_from_recipe(recipe, model, data="none", simulator_version=SIMULATOR_VERSION, limits="none")
    save_model(tmp_path / "fixed.safetensors", model, card)
    with pytest.raises(SystemExit):
        main(["--weights", str(tmp_path / "fixed.safetensors")])
    assert "no learned filter" in capsys.readouterr().err
