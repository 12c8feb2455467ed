from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from lab.training.tiny_net import PLACE, Tiny, TinyConfig

import rppg_core
from rppg_core import roster
from rppg_core.errors import ModelFileError, UnknownMethodError, WriteError
from rppg_core.models import weights
from rppg_core.models.base import ModelCard

CARD = ModelCard(
    method="tiny",
    paper="ours: for tests",
    inputs=("rgb", "stmap"),
    data="nothing",
    simulator_version=2,
    seed=3,
    steps=10,
    recipe={"lr": 0.01, "labels": ["bvp"]},
    recipe_hash="abc",
    metrics={"held-out bvp_r": 0.8123},
    limits="a test",
)


@pytest.fixture(autouse=True)
def tiny_is_known(monkeypatch):
    monkeypatch.setitem(roster.METHODS, "tiny", PLACE)
    torch.manual_seed(0)


@pytest.fixture
def stored(tmp_path):
    """A network and its file."""
    model = Tiny(TinyConfig(channels=6, sizes=(3, 7)))
    return model, weights.save_model(tmp_path / "tiny.safetensors", model, CARD)


def test_network_comes_back_to_the_precision_of_half(stored):
    model, path = stored
    again = weights.load_model("tiny", path)
    assert not again.training
    for (name, before), (other, after) in zip(
        model.state_dict().items(), again.state_dict().items(), strict=True
    ):
        assert name == other
        assert after.dtype == torch.float32
        torch.testing.assert_close(after, before, rtol=2**-10, atol=2**-20)


def test_networks_are_made_and_read_at_the_door(stored):
    _, path = stored
    assert rppg_core.create_model("tiny", TinyConfig(channels=6)).config == TinyConfig(channels=6)
    assert rppg_core.load_model("tiny", path).config == TinyConfig(channels=6, sizes=(3, 7))


def test_config_comes_back_equal(stored):
    model, path = stored
    assert weights.load_model("tiny", path).config == model.config == TinyConfig(channels=6, sizes=(3, 7))


def test_card_comes_back_without_the_weights(stored):
    card = weights.load_card("tiny", stored[1])
    assert card.inputs == CARD.inputs
    assert card.recipe["labels"] == ["bvp"]
    assert card == CARD


def test_saving_leaves_the_network_as_it_was(stored, tmp_path):
    model, _ = stored
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    weights.save_model(tmp_path / "again.safetensors", model.train(), CARD)
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_same_network_is_the_same_bytes(stored, tmp_path):
    model, path = stored
    assert weights.save_model(tmp_path / "again.safetensors", model, CARD).read_bytes() == path.read_bytes()


def test_file_takes_two_bytes_a_parameter(stored):
    model, path = stored
    assert path.stat().st_size < 2 * sum(p.numel() for p in model.parameters()) + 3000


def test_tied_weights_are_stored_once_and_come_back_tied(tmp_path, monkeypatch):
    monkeypatch.setattr(Tiny, "__init__", _tied(Tiny.__init__))
    path = weights.save_model(tmp_path / "tied.safetensors", Tiny(TinyConfig()), CARD)
    again = weights.load_model("tiny", path)
    assert again.resp_head.weight is again.bvp_head.weight


def _tied(build):
    def init(self, config: TinyConfig):
        build(self, config)
        self.resp_head.weight = self.bvp_head.weight

    return init


def test_weights_that_half_precision_cannot_hold_are_not_saved(tmp_path):
    model = Tiny(TinyConfig())
    with torch.no_grad():
        model.first.bias[0] = 1e6
    with pytest.raises(ValueError, match=r"first\.bias"):
        weights.save_model(tmp_path / "tiny.safetensors", model, CARD)
    assert not list(tmp_path.iterdir())


def test_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(WriteError, match="nowhere"):
        weights.save_model(tmp_path / "nowhere" / "tiny.safetensors", Tiny(TinyConfig()), CARD)


def test_missing_file_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(ModelFileError, match=r"no weights at .*tiny\.safetensors.*rppg train"):
        weights.load_model("tiny", tmp_path / "tiny.safetensors")


def test_checkpoints_lie_in_the_package(monkeypatch, tmp_path):
    monkeypatch.setattr(weights, "CHECKPOINTS", tmp_path)
    model = Tiny(TinyConfig())
    weights.save_model(tmp_path / "tiny.safetensors", model, CARD)
    assert weights.load_model("tiny").config == model.config


def test_unknown_network_error_lists_names():
    with pytest.raises(UnknownMethodError, match="tracenet"):
        weights.load_model("nope")


@pytest.mark.parametrize("read", [weights.load_model, weights.load_config])
def test_weights_of_another_method_are_refused(read, stored):
    with pytest.raises(ModelFileError, match=r"holds weights of tiny; wanted: weights of tracenet"):
        read("tracenet", stored[1])


def test_weights_that_do_not_fit_the_config_are_refused(stored, tmp_path):
    model, _ = stored
    model.config = replace(model.config, channels=5)
    path = weights.save_model(tmp_path / "other.safetensors", model, CARD)
    with pytest.raises(ModelFileError, match="does not fit tiny: size mismatch"):
        weights.load_model("tiny", path)


def test_config_of_another_version_is_refused(stored, tmp_path, monkeypatch):
    about = {"method": "tiny", "config": {"window": 64, "depth": 3}, "card": CARD.to_dict()}
    path = rewritten(tmp_path / "odd.safetensors", {"rppg_lab": json.dumps(about)})
    with pytest.raises(ModelFileError, match="TinyConfig has no 'depth'"):
        weights.load_model("tiny", path)


def rewritten(path, metadata):
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(3)}, path, metadata=metadata)
    return path


@pytest.mark.parametrize(
    "metadata", [None, {"format": "pt"}, {"rppg_lab": "{"}, {"rppg_lab": '{"method": "tiny"}'}]
)
def test_safetensors_of_somebody_else_are_refused(tmp_path, metadata):
    with pytest.raises(ModelFileError, match="not a weights file of this project"):
        weights.load_model("tiny", rewritten(tmp_path / "other.safetensors", metadata))


def test_damaged_file_is_an_error_in_words_wherever_it_is_cut(stored, tmp_path):
    content = stored[1].read_bytes()
    cut = tmp_path / "cut.safetensors"
    for length in np.linspace(0, len(content) - 1, 12).astype(int):
        cut.write_bytes(content[:length])
        with pytest.raises(ModelFileError):
            weights.load_model("tiny", cut)


def test_file_with_random_bytes_in_it_never_crashes(stored, tmp_path):
    rng = np.random.default_rng(0)
    content = np.frombuffer(stored[1].read_bytes(), np.uint8)
    broken = tmp_path / "broken.safetensors"
    for _ in range(40):
        changed = content.copy()
        changed[rng.integers(len(content), size=8)] = rng.integers(256, size=8)
        broken.write_bytes(changed.tobytes())
        try:
            model = weights.load_model("tiny", broken)
        except ModelFileError:
            continue
        # numbers alone have changed
        assert all(torch.isfinite(values).all() for values in model.state_dict().values())


def test_network_without_config_is_the_small_one():
    assert weights.create_model("tiny").config == TinyConfig.small()
    assert weights.create_model("tiny", TinyConfig(channels=3)).first.out_channels == 3


def test_card_text_says_what_the_weights_are():
    text = weights.card_text(CARD)
    assert text.startswith("# tiny\n")
    said = (
        "trained on simulated physiology",
        "10 steps, seed 3, recipe abc",
        "simulator version 2",
        "| held-out bvp_r | 0.8123 |",
        "| lr | 0.01 |",
        "**Limits**: a test",
        "not a medical device",
    )
    assert [words for words in said if words not in text] == []


def test_name_at_the_door_says_what_to_install_where_torch_is_missing(monkeypatch):
    import sys

    import rppg_core
    from rppg_core.errors import UsageError

    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "rppg_core.models.weights")
    monkeypatch.delitem(sys.modules, "rppg_core.models.base")
    with pytest.raises(UsageError, match=r"needs the package 'torch'.*rppg-lab\[neural\]"):
        _ = rppg_core.create_model
