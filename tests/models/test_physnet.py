"""PhysNet with weights of the user's own: what files it takes, what it reads, and that its rate is not doubled."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from rppg_core.analysis.pipeline import analyze  # noqa: E402
from rppg_core.errors import MissingNeedError, ModelFileError, UsageError  # noqa: E402
from rppg_core.lab.simulate.faces import SimulationSettings, simulate_clip  # noqa: E402
from rppg_core.lab.simulate.traces import simulate_traces  # noqa: E402
from rppg_core.models.base import check_model, run_clip  # noqa: E402
from rppg_core.models.physnet.checkpoint import read_checkpoint  # noqa: E402
from rppg_core.models.physnet.model import PhysNet, PhysNetConfig, relative_differences  # noqa: E402
from rppg_core.models.weights import load_model  # noqa: E402
from rppg_core.types import FS  # noqa: E402
from rppg_core.video.prepare import resample  # noqa: E402

HR_BPM = 72.0


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return PhysNet(PhysNetConfig()).eval()


@pytest.fixture
def save(tmp_path):
    """Writes an object as torch.save does, and returns its path."""

    def write(content: object, name: str = "mine.pth") -> Path:
        torch.save(content, tmp_path / name)
        return tmp_path / name

    return write


@pytest.fixture(scope="module")
def toolbox_weights(model_dir) -> Path:
    """Weights that rPPG-Toolbox trained on PURE."""
    path = model_dir / "physnet_pure.pth"
    if not path.is_file():
        pytest.skip("NOT RUN: RPPG_MODEL_DIR holds no physnet_pure.pth")
    return path


@pytest.fixture(scope="module")
def rendered():
    """20 s of a rendered face, with its truth."""
    settings = SimulationSettings(seconds=20, hr_bpm=HR_BPM, amplitude_percent=0.7, motion="small", seed=1)
    return simulate_clip(settings, needs=frozenset({"rgb", "crop72", "still"}))


def strongest_bpm(wave: np.ndarray) -> float:
    """Rate of the strongest line of a plain spectrum, so that a doubled rate is seen. Unit: bpm."""
    freqs_hz = np.fft.rfftfreq(2**14, 1 / FS)
    power = np.abs(np.fft.rfft((wave - wave.mean()) * np.hanning(len(wave)), 2**14))
    return 60 * float(freqs_hz[power.argmax()])


# --- the network ---


def test_it_has_the_parameters_and_the_keys_of_the_published_network(model):
    assert check_model(model) == 768_577
    convolutions = [f"ConvBlock{k}.0.weight" for k in range(1, 10)]
    weights = [key for key, x in model.state_dict().items() if x.ndim == 5]
    assert weights == [*convolutions, "upsample.0.weight", "upsample2.0.weight", "ConvBlock10.weight"]
    assert len(model.state_dict()) == 79


@pytest.mark.parametrize("n", [61, 128])
def test_it_gives_one_number_per_frame_also_where_pooling_leaves_a_rest(n):
    tiny = PhysNet(PhysNetConfig.tiny()).eval()
    assert tiny({"frames": torch.randn(1, n, 72, 72, 3)})["bvp"].shape == (1, n)


@pytest.mark.parametrize("wrong", [{"widths": (16, 32)}, {"widths": (16, 32, 0)}, {"window": 0}])
def test_config_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        PhysNetConfig(**wrong)


def test_input_is_the_relative_change_to_the_next_frame_on_one_scale():
    crops = np.random.default_rng(0).integers(1, 65535, (6, 72, 72, 3), dtype=np.uint16)
    x = crops / 256
    changes = (x[1:] - x[:-1]) / (x[1:] + x[:-1])
    found = relative_differences(crops)
    np.testing.assert_allclose(found[:-1], changes / changes.std(), rtol=1e-4, atol=1e-5)
    assert not found[-1].any()


def test_black_pixels_have_no_change():
    crops = np.zeros((4, 72, 72, 3), np.uint16)
    assert not relative_differences(crops).any()
    crops[:, :36] = np.arange(100, 500, 100)[:, None, None, None]
    assert np.isfinite(relative_differences(crops)).all()
    assert not relative_differences(crops)[:, 36:].any()


# --- the derivative of the pulse ---


class Known(PhysNet):
    """Puts out the derivative of a pulse whose second harmonic is strong, whatever the pixels."""

    @classmethod
    def inputs_from_clip(cls, clip, config):
        return {"frames": np.diff(two_harmonics(clip.times_s), append=0.0)}

    def forward(self, inputs):
        return {"bvp": inputs["frames"]}


def two_harmonics(times_s: np.ndarray) -> np.ndarray:
    phase = 2 * np.pi * HR_BPM / 60 * times_s
    return np.sin(phase) + 0.6 * np.sin(2 * phase)


@pytest.fixture(scope="module")
def even():
    return resample(simulate_traces(SimulationSettings(seconds=20))[0])


def test_joined_derivative_is_integrated_to_the_pulse_at_its_rate(even):
    found = run_clip(Known(PhysNetConfig()), even).bvp.samples
    assert strongest_bpm(found) == pytest.approx(HR_BPM, abs=1)
    inner = slice(30, -30)  # the moving average is one-sided at the ends
    assert np.corrcoef(found[inner], two_harmonics(even.times_s)[inner])[0, 1] > 0.98


def test_output_trained_on_raw_labels_is_not_integrated(even):
    found = run_clip(Known(PhysNetConfig(labels="raw")), even).bvp.samples
    inner = slice(30, -30)
    derivative = np.diff(two_harmonics(even.times_s), append=0.0)
    assert np.corrcoef(found[inner], derivative[inner])[0, 1] > 0.98
    assert strongest_bpm(found) == pytest.approx(2 * HR_BPM, abs=1)  # what integration prevents


def test_loss_compares_like_with_like(model):
    from rppg_core.models.base import Batch

    pulse = torch.randn(2, 128)
    batch = Batch({}, {"bvp": pulse}, {"bvp": torch.ones(2, dtype=torch.bool)})
    derivative = torch.diff(pulse, append=pulse[:, -1:])
    assert model.loss({"bvp": derivative}, batch)["waveform"].item() == pytest.approx(0, abs=1e-5)
    raw = PhysNet(PhysNetConfig(labels="raw"))
    assert raw.loss({"bvp": pulse}, batch)["waveform"].item() == pytest.approx(0, abs=1e-5)


# --- files ---


def test_state_dict_comes_back_in_evaluation_mode(model, save):
    found = load_model("physnet", save(model.state_dict()))
    assert isinstance(found, PhysNet) and found.config == PhysNetConfig()
    assert not any(part.training for part in found.modules())
    assert all(torch.equal(x, found.state_dict()[key]) for key, x in model.state_dict().items())


def test_prefix_of_data_parallel_is_taken_off(model, save):
    prefixed = {f"module.{key}": x for key, x in model.state_dict().items()}
    found = read_checkpoint(save(prefixed)).state_dict()
    assert torch.equal(found["ConvBlock10.weight"], model.state_dict()["ConvBlock10.weight"])


def test_labels_follow_the_file_and_a_comma_may_be_part_of_its_name(model, save):
    path = save(model.state_dict(), "mine,labels=raw")
    assert read_checkpoint(path).config.labels == "diff"
    assert read_checkpoint(f"{path},labels=raw").config.labels == "raw"
    assert read_checkpoint(f"{path},labels=diff").config.labels == "diff"


@pytest.mark.parametrize("option", ["labels=bvp", "labels=", "label=raw"])
def test_unknown_option_after_the_file_names_the_known_ones(model, save, option):
    with pytest.raises(UsageError, match=f"'{option}'.*labels=diff.*labels=raw"):
        read_checkpoint(f"{save(model.state_dict())},{option}")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.pop("upsample.0.bias"), r"1 keys are missing \(upsample\.0\.bias\)"),
        (lambda d: d.update(extra=torch.zeros(1)), r"1 keys are unknown \(extra\)"),
        (lambda d: d.update({"ConvBlock10.bias": torch.zeros(2)}), r"ConvBlock10\.bias has the shape \(2,\), not"),
        (lambda d: d.update({"ConvBlock10.bias": torch.full((1,), torch.nan)}), r"ConvBlock10\.bias.*not finite"),
        (lambda d: d.clear(), "79 keys are missing"),
    ],
)  # fmt: skip
def test_file_that_does_not_fit_exactly_is_refused_by_name(model, save, change, words):
    state = dict(model.state_dict())
    change(state)
    with pytest.raises(ModelFileError, match=words):
        read_checkpoint(save(state))


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3, "state_dict": {}}, torch.zeros(3)])
def test_file_of_other_things_says_what_to_save(save, content):
    with pytest.raises(
        ModelFileError, match=r"other things than tensors.*torch\.save\(model\.state_dict\(\)"
    ):
        read_checkpoint(save(content))


class Intruder:
    """Runs code when it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_code_in_a_file_is_refused_and_not_run(save, tmp_path):
    path = save({"ConvBlock10.bias": Intruder(tmp_path / "intruder")})
    with pytest.raises(ModelFileError, match="holds Python objects"):
        read_checkpoint(path)
    assert not (tmp_path / "intruder").exists()


@pytest.mark.parametrize("content", [b"", b"bytes of a letter", b"PK\x03\x04 half a zip"])
def test_file_that_is_none_of_torch_is_refused(tmp_path, content):
    (tmp_path / "mine.pth").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"not a file of torch\.save, or is damaged"):
        read_checkpoint(tmp_path / "mine.pth")


def test_missing_file_and_missing_weights_say_so(tmp_path):
    with pytest.raises(ModelFileError, match="no weights at"):
        read_checkpoint(tmp_path / "none.pth")
    with pytest.raises(UsageError, match="--weights physnet=FILE"):
        load_model("physnet")


def test_clip_without_pictures_of_the_face_asks_for_the_video(model, save, even):
    with pytest.raises(MissingNeedError, match=r"physnet reads pictures of the face.*wanted: a face video"):
        analyze(even, ["physnet"], weights={"physnet": save(model.state_dict())})


# --- the whole way, with published weights ---


@pytest.fixture(scope="module")
def published(toolbox_weights, rendered):
    """The estimate with published weights."""
    return analyze(rendered[0], ["physnet"], weights={"physnet": toolbox_weights}).estimates["physnet"]


def test_published_weights_find_the_rate_and_not_its_double(published, rendered):
    truth_bpm = rendered[1].hr_bpm.mean()
    assert published.weights == "your own"
    assert published.vitals.hr.value == pytest.approx(truth_bpm, abs=5)
    assert strongest_bpm(published.bvp.samples) == pytest.approx(truth_bpm, abs=5)


def test_published_weights_rise_with_the_blood_volume(published, rendered):
    bvp, truth = published.bvp, rendered[1]
    expected = np.interp(bvp.t0_s + np.arange(len(bvp.samples)) / FS, truth.times_s, truth.bvp)
    assert (
        np.corrcoef(bvp.samples, expected)[0, 1] > 0.7
    )  # at lag 0 and unfiltered; without noise it would be 1
