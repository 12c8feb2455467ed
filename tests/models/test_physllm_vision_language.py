"""A vision-language model as the source of the environmental context: any of transformers, or a clear error."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("transformers")

from rppg_core.errors import MissingNeedError, ModelFileError, UsageError
from rppg_core.models.physllm.vision_language import INSTRUCTION, VisionLanguageContext
from rppg_core.types import FaceClip
from tests.models.tiny_vision_language import save_tiny_llama, save_tiny_llava


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return save_tiny_llava(tmp_path_factory.mktemp("models") / "llava")


@pytest.fixture
def clip():
    still = np.random.default_rng(0).integers(0, 255, (48, 40, 3)).astype(np.uint8)
    return FaceClip(np.arange(2) / 30, np.ones(2, bool), np.ones((2, 4, 3)), still=still)


def test_saved_model_describes_a_clip_the_same_way_twice(tiny, clip):
    first, second = (VisionLanguageContext(tiny).describe(clip, max_new_tokens=12) for _ in range(2))
    assert first == second
    assert 0 < len(first.split()) <= 12


def test_answer_does_not_repeat_the_question(tiny, clip):
    answer = VisionLanguageContext(str(tiny)).describe(clip, max_new_tokens=8)
    assert "user" not in answer.split()[:1] and len(answer.split()) <= 8


def test_answer_depends_on_the_picture(tiny, clip):
    model = VisionLanguageContext(tiny)
    stills = [np.full((32, 32, 3), level, np.uint8) for level in (0, 90, 255)]
    answers = {model.describe(replace(clip, still=s), max_new_tokens=30) for s in (*stills, clip.still)}
    assert len(answers) > 1


def test_answer_ends_after_200_tokens_unless_told_otherwise(tiny, clip):
    assert len(VisionLanguageContext(tiny).describe(clip).split()) <= 200


def test_model_without_a_chat_template_is_asked_as_well(tmp_path, clip):
    assert VisionLanguageContext(save_tiny_llava(tmp_path, chat=False)).describe(clip, max_new_tokens=8)


def test_clip_without_a_still_names_the_need(tiny, clip):
    with pytest.raises(MissingNeedError, match="holds no still"):
        VisionLanguageContext(tiny).describe(replace(clip, still=None))


@pytest.mark.parametrize("name", ["no-such-owner/no-such-model", "/no/such/folder"])
def test_model_that_is_not_here_is_refused_without_a_download(name):
    with pytest.raises(ModelFileError, match=r"is not on this machine.*fetch=True"):
        VisionLanguageContext(name)


@pytest.mark.parametrize("name", ["", "  "])
def test_name_that_is_no_name_is_refused(name):
    with pytest.raises(UsageError, match="wanted: the name of a model"):
        VisionLanguageContext(name)


def test_language_model_without_eyes_is_refused(tmp_path):
    with pytest.raises(UsageError, match="type 'llama'; wanted: an image-text-to-text model"):
        VisionLanguageContext(save_tiny_llama(tmp_path))


@pytest.mark.parametrize("missing", ["model.safetensors", "processor_config.json", "tokenizer.json"])
def test_incomplete_folder_is_refused(tmp_path, missing):
    (save_tiny_llava(tmp_path) / missing).unlink()
    with pytest.raises((ModelFileError, UsageError)):
        VisionLanguageContext(tmp_path)


def test_weights_that_are_cut_off_are_refused(tmp_path):
    weights = save_tiny_llava(tmp_path) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelFileError, match="incomplete"):
        VisionLanguageContext(tmp_path)


def test_instruction_asks_five_questions_and_none_about_the_person():
    assert INSTRUCTION.count("?") == 5
    assert "not who the person is" in INSTRUCTION
    assert not {"race", "ethnicity", "age", "gender"} & set(INSTRUCTION.lower().replace(".", " ").split())


def test_module_loads_without_torch_and_transformers():
    code = (
        "import sys, rppg_core.models.physllm.vision_language, rppg_core.models.physllm.context; "
        "print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert loaded.strip() == "[]"
