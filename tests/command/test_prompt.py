"""`rppg prompt` and `rppg train physllm --language-model`."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from rppg_core.command import cli  # noqa: E402
from rppg_core.lab.simulate.settings import SimulationSettings  # noqa: E402
from rppg_core.lab.simulate.traces import simulate_traces  # noqa: E402
from rppg_core.models.base import ModelCard  # noqa: E402
from rppg_core.models.physllm.config import PhysLLMConfig  # noqa: E402
from rppg_core.models.physllm.cues import CUES, statistics_from_wave  # noqa: E402
from rppg_core.models.physllm.model import PhysLLM  # noqa: E402
from rppg_core.models.weights import save_model  # noqa: E402
from rppg_core.video.traces import traces_text  # noqa: E402


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    model = PhysLLM(PhysLLMConfig.tiny())
    path = tmp_path_factory.mktemp("weights") / "mine.safetensors"
    return save_model(path, model, ModelCard(method="physllm", paper=model.paper, inputs=("rgb",)))


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    clip, _ = simulate_traces(SimulationSettings(seconds=8, hr_bpm=75, seed=5))
    path = tmp_path_factory.mktemp("traces") / "me.csv"
    path.write_text(traces_text(clip), encoding="utf-8")
    return path


def test_prints_the_three_cues_with_their_tokens(weights, table, capsys):
    assert cli.main(["prompt", str(table), "--weights", f"physllm={weights}"]) == 0
    said = capsys.readouterr().out
    assert all(f"{cue} (" in said for cue in CUES) and "tokens" in said and "nearest to each patch" in said


def test_json_holds_base_waves_from_which_statistics_follow(weights, table, tmp_path):
    out = tmp_path / "prompt.json"
    assert cli.main(["prompt", str(table), "--weights", str(weights), "--json", str(out)]) == 0
    found = json.loads(out.read_text(encoding="utf-8"))
    assert set(found["cues"]) == set(CUES)
    for cue in found["cues"].values():
        assert set(cue) == {"text", "tokens", "weight", "numbers"} and cue["tokens"] > 5
    assert found["prototypes"] and all(one["words"] for one in found["prototypes"])
    for window in found["windows"]:
        assert len(window["patch_words"]) == len(window["shuffled_words"]) > 0
        again = statistics_from_wave(np.array(window["base"]), 30.0)
        assert again == pytest.approx(window["cues"]["statistics"]["numbers"], rel=1e-2)


def test_without_a_file_it_takes_the_weights_of_the_package(table, capsys):
    assert cli.main(["prompt", str(table)]) == 0
    said = capsys.readouterr().out
    assert all(f"{cue} (" in said for cue in CUES)


def test_weights_of_another_network_are_refused_in_one_line(table, capsys):
    from rppg_core.models.weights import checkpoint_path

    assert cli.main(["prompt", str(table), "--weights", str(checkpoint_path("physmle"))]) == 3
    said = capsys.readouterr().err
    assert "holds weights of physmle; wanted: weights of physllm" in said and said.count("\n") == 1


def test_a_language_model_that_cannot_be_loaded_is_refused_before_anything_is_made(tmp_path, capsys):
    runs = tmp_path / "runs"
    command = ["train", "physllm", "--steps", "2", "--language-model", "nobody/nothing", "--runs", str(runs)]
    assert cli.main(command) != 0
    assert "no language model 'nobody/nothing'" in capsys.readouterr().err
    assert not runs.exists()


def test_a_method_without_a_language_model_takes_none(tmp_path, capsys):
    assert cli.main(["train", "tracenet", "--language-model", "bundled", "--runs", str(tmp_path)]) == 2
    assert "tracenet has no language model" in capsys.readouterr().err


def test_a_vision_language_model_that_cannot_be_loaded_is_refused_before_the_video_is_read(weights, capsys):
    command = [
        "prompt",
        "missing.mp4",
        "--weights",
        str(weights),
        "--vision-language-model",
        "nobody/nothing",
    ]
    assert cli.main(command) != 0
    assert "nobody/nothing" in capsys.readouterr().err
