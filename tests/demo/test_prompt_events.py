"""The handlers of the tab "PhysLLM prompt" with a tiny network: whose face, whose words, what is kept."""

from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from demo import inference, prompt_events  # noqa: E402
from demo.panels.prompt_tab import prompt_tab  # noqa: E402
from demo.prompt_events import EXAMPLE, OWN, PREFIX, SECOND, PromptEvents  # noqa: E402
from demo.session import Visits  # noqa: E402
from rppg_core.lab.simulate.settings import SimulationSettings  # noqa: E402
from rppg_core.lab.simulate.traces import simulate_traces  # noqa: E402
from rppg_core.models.physllm.config import PhysLLMConfig  # noqa: E402
from rppg_core.models.physllm.cues import CUES, TASK  # noqa: E402
from rppg_core.models.physllm.model import PhysLLM  # noqa: E402
from tests.report_factory import make_report  # noqa: E402

VISITOR = SimpleNamespace(session_hash="a")
KEY, FACE, WINDOW, SAID, RESULT, PLOT = 0, 2, 3, 4, 20, 21
TEXT = {name: 6 + 5 * k for k, name in enumerate(CUES)}
FACTS = {name: k + 1 for name, k in TEXT.items()}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return PhysLLM(PhysLLMConfig.tiny()).eval()


@pytest.fixture(scope="module")
def clips():
    """Three faces of different rates, light and motion."""
    settings = [{"hr_bpm": 70, "seed": 1}, {"hr_bpm": 95, "seed": 2, "tone": 4}, {"hr_bpm": 60, "seed": 3}]
    return [simulate_traces(SimulationSettings(seconds=5, **one))[0] for one in settings]


@pytest.fixture
def visits(tmp_path):
    return Visits(tmp_path / "uploads")


@pytest.fixture
def on(visits, monkeypatch, model, clips):
    made = []

    def second_clip():
        made.append("second")
        return clips[1], None

    second_clip.cache_info = lambda: SimpleNamespace(currsize=len(made))
    monkeypatch.setattr(prompt_events, "_model", lambda: model)
    monkeypatch.setattr(inference, "example_clip", lambda: (clips[0], None))
    monkeypatch.setattr(inference, "second_clip", second_clip)
    prompt_events._simulated_windows.cache_clear()
    handlers = PromptEvents(visits)
    handlers.made = made  # pyright: ignore[reportAttributeAccessIssue]
    yield handlers
    prompt_events._simulated_windows.cache_clear()


def tell(*_, **__):
    """A progress that nobody sees."""


def keep_own(visits, clip):
    visits.begin("a")  # the tab is open
    visits.keep("a", replace(make_report(), clip=clip), visits.origin_from_upload("me.mp4"))


def given(shown, *, off=(), **texts):
    """What the page holds after `shown`, with other texts and switches."""
    values = {"face": shown[FACE].value, "window": shown[WINDOW].value}
    values |= {name: texts.get(name, shown[TEXT[name]]) for name in CUES}
    values |= {f"use-{name}": name not in off for name in CUES}
    return {gr.Textbox(elem_id=f"{PREFIX}{name}", render=False): value for name, value in values.items()}


def test_tab_opens_with_the_example_in_its_middle_and_leaves_the_second_face_alone(on):
    shown = on.opened("", VISITOR, tell)
    assert (shown[FACE].value, shown[WINDOW].value) == (EXAMPLE, len(shown[WINDOW].choices) // 2)
    assert shown[TEXT["task"]] == TASK
    assert "48 tokens" in shown[FACTS["task"]]
    assert on.made == []


def test_tab_that_is_selected_again_keeps_what_was_edited(on):
    key = on.opened("", VISITOR, tell)[KEY]
    assert all(value == gr.skip() for value in on.opened(key, VISITOR, tell))


def test_own_video_comes_first_and_its_words_are_its_own(on, visits, clips):
    example = on.opened("", VISITOR, tell)
    keep_own(visits, clips[2])
    shown = on.opened(example[KEY], VISITOR, tell)
    assert shown[FACE].value == OWN
    assert shown[TEXT["statistics"]] != example[TEXT["statistics"]]


def test_deleted_video_is_said_to_be_gone_and_the_example_takes_its_place(on, visits, clips):
    keep_own(visits, clips[2])
    shown = on.opened("", VISITOR, tell)
    visits.delete("a")
    again = on.read(given(shown, context="The face rests."), VISITOR, tell)
    assert again[FACE].value == EXAMPLE
    assert "not kept any more: you deleted it" in again[SAID]
    assert again[TEXT["context"]] != "The face rests."
    assert "not kept any more" in on.opened(shown[KEY], VISITOR, tell)[SAID]


def test_unchanged_words_change_nothing(on):
    shown = on.opened("", VISITOR, tell)
    assert "No word was changed" in on.read(given(shown), VISITOR, tell)[RESULT]


def test_edited_and_switched_off_cues_are_read_as_they_stand(on):
    shown = on.opened("", VISITOR, tell)
    again = on.read(given(shown, off=("task",), context="The zebra rests."), VISITOR, tell)
    assert "1 − r is" in again[RESULT]
    assert "Switched off: task." in again[RESULT]
    assert again[PLOT].visible
    assert "Not in its vocabulary: <b>zebra</b>" in again[FACTS["context"]]
    assert "no word of it is read" in again[FACTS["task"]]
    assert again[TEXT["task"]] == TASK  # the text stays, ready to be switched on again
    assert "face width" in again[FACTS["context"]] or "<details>" in again[FACTS["context"]]


def test_all_cues_can_be_switched_off(on):
    shown = on.opened("", VISITOR, tell)
    assert "1 − r is" in on.read(given(shown, off=CUES), VISITOR, tell)[RESULT]


def test_words_of_the_other_face_are_shown_read_and_named(on):
    shown = on.opened("", VISITOR, tell)
    swapped = on.swap(given(shown), VISITOR, tell)
    assert on.made
    other = on.chose_face(SECOND, VISITOR, tell)
    assert swapped[TEXT["statistics"]] == other[TEXT["statistics"]] != shown[TEXT["statistics"]]
    assert "Read with the words of the second example" in swapped[RESULT]
    back = on.chose_window(EXAMPLE, shown[WINDOW].value, VISITOR, tell)  # Restore
    assert [back[k] for k in TEXT.values()] == [shown[k] for k in TEXT.values()]
    assert back[RESULT] == ""


def test_own_words_are_back_after_a_reading_with_others(on, model):
    on.read(given(on.opened("", VISITOR, tell), context="Other words."), VISITOR, tell)
    assert model.edits == {}


def test_deletion_clears_the_tab(on):
    cleared = on.cleared()
    assert len(cleared) == len(on.opened("", VISITOR, tell))
    assert cleared[KEY] == "" and not cleared[1].visible
    assert all(cleared[k] == "" for k in (*TEXT.values(), *FACTS.values(), SAID, RESULT))


def test_components_are_as_many_as_the_values_of_a_view(on):
    with gr.Blocks() as blocks:
        delete = gr.Button()
        with gr.Tab("PhysLLM prompt") as tab:
            prompt_tab(tab, on, delete)
    sizes = {fn.name: len(fn.outputs) for fn in blocks.fns.values() if fn.fn is not None}
    assert sizes == dict.fromkeys(
        ("opened", "chose_face", "chose_window", "read", "swap", "cleared"), len(on.cleared())
    )
    assert {fn.api_visibility for fn in blocks.fns.values()} == {"private"}
