"""The teacher of PhysVLM: its words, its images of maps, and what it can be asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from rppg_core.errors import ModelFileError  # noqa: E402
from rppg_core.lab.simulate.settings import SimulationSettings  # noqa: E402
from rppg_core.lab.simulate.traces import simulate_traces  # noqa: E402
from rppg_core.models.base import TASKS, Batch, ModelCard  # noqa: E402
from rppg_core.models.physvlm import prompts  # noqa: E402
from rppg_core.models.physvlm.config import PhysVLMConfig  # noqa: E402
from rppg_core.models.physvlm.model import PhysVLM  # noqa: E402
from rppg_core.models.physvlm.teacher import (  # noqa: E402
    N_RATES,
    SPECIAL,
    TeacherConfig,
    VisionLanguageTeacher,
    load_clip,
    mini_clip,
    ratio_halves,
    scalogram,
    strips,
    tokenizer_of_words,
)
from rppg_core.models.weights import load_model, save_model  # noqa: E402
from rppg_core.video.prepare import resample  # noqa: E402

TINY = TeacherConfig.tiny()


@pytest.fixture
def teacher():
    torch.manual_seed(0)
    return VisionLanguageTeacher(TINY).eval()


def maps(n: int = 3, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, TINY.window, 36, 3, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("number", "words"), [(7, "seven"), (40, "forty"), (75, "seventy five"), (120, "one hundred twenty")]
)
def test_numbers_are_said_in_words(number, words):
    assert prompts.in_words(number) == words


def test_every_rate_has_one_text_and_the_heart_one_more_for_no_pulse():
    for task, more in (("hr", 1), ("rr", 0)):
        for wording in range(4):
            texts = prompts.rate_prompts(task, wording)
            assert len(set(texts)) == len(texts) == len(prompts.RATES[task]) + more
    assert "repeats about seventy times a minute" in prompts.rate_prompts("hr", 3)


def test_tokenizer_knows_every_word_of_every_text_and_counts_others_as_unknown():
    tokenizer = tokenizer_of_words()
    said = [text for task in prompts.RATES for k in range(4) for text in prompts.rate_prompts(task, k)]
    ids = tokenizer([*said, *prompts.ratio_prompts()])["input_ids"]
    unknown, end = SPECIAL.index("<unknown>"), SPECIAL.index("<end>")
    assert all(unknown not in row and row[-1] == end for row in ids)
    assert unknown in tokenizer(["An Otter"])["input_ids"][0]


def test_text_is_read_at_its_end_whatever_stands_beside_it(teacher):
    """Padding to the longest text of a list must not change an embedding."""
    alone = teacher.embed_texts(["no pulse"])
    beside = teacher.embed_texts(["no pulse", prompts.ratio_prompts()[3]])
    torch.testing.assert_close(alone[0], beside[0])
    assert not torch.allclose(beside[0], beside[1])


def test_a_scalogram_shows_a_rate_at_its_place_at_its_time():
    """75 a minute on the upper half from the middle on, 15 a minute in the slow band of the left of the chin."""
    torch.manual_seed(0)
    t = torch.arange(512) / 30
    stmap = 0.3 * torch.randn(1, 512, 36, 3)
    stmap[:, 256:, :18, :2] += torch.sin(2 * torch.pi * 75 / 60 * t[256:])[None, :, None, None]
    stmap[:, :, [24, 25, 30, 31], 2] += torch.sin(2 * torch.pi * 15 / 60 * t)[None, :, None]
    found = scalogram(stmap, columns=96).unflatten(2, (3, N_RATES))[0]  # (colour, strip, rate, column)
    hz = torch.logspace(-1.0969, 0.60206, N_RATES).flip(0)  # 0.08 to 4, fastest first
    pulse, breath = (int((hz - rate / 60).abs().argmin()) for rate in (75, 15))
    late, early = found[..., 60:90].mean(dim=-1), found[..., 6:36].mean(dim=-1)
    for strip in (0, 1):  # the whole face and its upper half
        assert abs(int(late[1, strip].argmax()) - pulse) <= 1
        assert float(late[1, strip, pulse] - early[1, strip, pulse]) > 1
    assert float(late[1, 1, pulse] - late[1, 2, pulse]) > 1
    assert abs(int(late[0, 2, 19:].argmax()) + 19 - breath) <= 1
    assert float(late[0, 2, breath] - late[2, 2, breath]) > 1


def test_cells_without_skin_leave_the_whole_face_as_it_is():
    torch.manual_seed(0)
    stmap = torch.randn(1, 512, 36, 3)
    stmap[:, :, 9:] = stmap[:, :, :9].repeat(1, 1, 3, 1)
    dark = stmap.clone()
    dark[:, :, 9:] = 0
    for whole, part in zip(strips(stmap), strips(dark), strict=True):
        torch.testing.assert_close(whole[:, 0], part[:, 0])


def test_picture_is_even_where_nothing_changes_and_has_the_size_that_the_model_reads(teacher):
    still = teacher.picture(torch.zeros(2, TINY.window, 36, 3))
    assert still.shape == (2, 3, TINY.image, TINY.image)
    torch.testing.assert_close(still, still[..., :1, :1].expand_as(still), atol=2e-3, rtol=0)


def test_halves_of_a_map_have_rates_in_the_stated_ratio():
    torch.manual_seed(0)
    t = torch.arange(512) / 30
    stmap = torch.sin(2 * torch.pi * 1.0 * t)[None, :, None, None].expand(40, -1, 2, 3)
    halves, which = ratio_halves(stmap)
    spectra = torch.fft.rfft(halves[:, :, 0, 0].unflatten(1, (2, 256)) * torch.hann_window(256), n=4096).abs()
    rates = spectra.argmax(dim=2) / 4096 * 30
    wanted = torch.tensor(prompts.RATIOS)[which]
    torch.testing.assert_close(rates[:, 1] / rates[:, 0], wanted, atol=0.06, rtol=0)
    assert len(which.unique()) == len(prompts.RATIOS)


def test_answers_have_unit_embeddings_and_a_rate_among_those_of_the_texts(teacher):
    with torch.no_grad():
        found = teacher({"stmap": maps()})
    assert set(found) & set(TASKS) == {"hr", "rr"}
    torch.testing.assert_close(found["embedding"].norm(dim=1), torch.ones(3))
    assert found["hr_texts"].shape == (3, len(prompts.HR_BPM) + 1, TINY.embedding)
    assert (found["hr"] >= 40).all() and (found["hr"] <= 220).all()


def test_a_line_of_text_has_a_place_on_the_map(teacher):
    with torch.no_grad():
        places = teacher.embed_places(maps())
        line = teacher.embed_texts(["repeats about seventy times a minute"])
    assert places.shape == (3, 3, 3, TINY.embedding)
    assert ((places @ line[0]).abs() <= 1 + 1e-5).all()


def test_losses_use_the_labels_that_are_there_and_a_flat_pulse_is_no_pulse(teacher):
    teacher.train()
    known = torch.tensor([True, True, False])
    bvp = torch.randn(3, TINY.window)
    bvp[1] = 0  # a person without a pulse
    rates = torch.tensor([70.0, 0.0, 0.0])
    targets = {task: torch.zeros(3) for task in TASKS} | {"bvp": bvp, "hr": rates, "rr": rates / 4}
    mask = {task: torch.zeros(3, dtype=torch.bool) for task in TASKS} | {"bvp": known, "hr": rates > 0}
    outputs = teacher({"stmap": maps()})
    terms = teacher.loss(outputs, Batch({}, targets, mask))
    hr = outputs["hr"].detach().log_softmax(dim=1)
    assert float(terms["nothing"].detach()) == pytest.approx(float(-hr[1, -1]), rel=1e-4)
    assert terms["hr"] > 0 and terms["rr"] == 0 and terms["ratio"] > 0
    sum(terms.values()).backward()
    assert all(p.grad is not None for name, p in teacher.named_parameters() if "vision_model" in name)


def test_weights_of_the_mini_model_survive_a_file(teacher, tmp_path):
    path = save_model(
        tmp_path / "t.safetensors", teacher, ModelCard(method=teacher.name, paper="", inputs=())
    )
    again = load_model(teacher.name, path)
    with torch.no_grad():
        a, b = (one({"stmap": maps()})["embedding"] for one in (teacher, again))
    torch.testing.assert_close(a, b, atol=2e-2, rtol=2e-2)


def test_a_clip_of_the_hub_is_frozen_and_stays_out_of_the_weights(tmp_path):
    torch.manual_seed(1)
    body, tokenizer = mini_clip(TINY)
    body.save_pretrained(tmp_path / "clip")
    tokenizer.save_pretrained(tmp_path / "clip")
    model = VisionLanguageTeacher(replace(TINY, body=str(tmp_path / "clip")))
    assert {name.split(".")[0] for name, _ in model.named_parameters()} == {"adapter", "line"}
    assert not any(p.requires_grad for p in model.body.parameters()) and not model.train().body.training
    plain = VisionLanguageTeacher(TINY)
    plain.own.load_state_dict(body.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(model.eval().embed_maps(maps()), plain.eval().embed_maps(maps()))


def test_a_clip_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelFileError, match="no vision-language model"):
        load_clip(str(tmp_path / "nothing"), 512)


def test_a_clip_of_another_width_than_the_config_says_is_refused(tmp_path):
    body, tokenizer = mini_clip(TINY)
    for part in (body, tokenizer):
        part.save_pretrained(tmp_path / "clip")
    with pytest.raises(ModelFileError, match=r"have 16 numbers; wanted: 24.*embedding=16"):
        VisionLanguageTeacher(replace(TINY, body=str(tmp_path / "clip"), embedding=24))


def test_inputs_from_those_of_the_student_are_the_inputs_from_the_clip():
    """A training prepares every clip once, and not for both."""
    clip = resample(simulate_traces(SimulationSettings(seconds=9.0, seed=3))[0])
    student = PhysVLMConfig.small()
    known = PhysVLM.inputs_from_clip(clip, student)
    assert not known["weight"].all(), "a cell without skin is what the two could differ in"
    found = VisionLanguageTeacher.inputs_from_student(known, student, TINY)
    assert found is not None
    np.testing.assert_array_equal(found["stmap"], VisionLanguageTeacher.inputs_from_clip(clip, TINY)["stmap"])
    for other in (replace(student, projections=("pos",)), TINY):
        assert VisionLanguageTeacher.inputs_from_student(known, other, TINY) is None
