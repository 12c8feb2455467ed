"""Tables of colour traces as other programs write them, for tests."""

from pathlib import Path

import numpy as np

import rppg_core

N, FPS, HR_BPM = 300, 25.0, 72.0


def skin(n: int = N, fps: float = FPS, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Times and colours of skin with a pulse of 72 bpm."""
    times_s = np.arange(n) / fps
    wave = np.sin(2 * np.pi * HR_BPM / 60 * times_s)
    noise = np.random.default_rng(seed).normal(0, 0.03, (n, 3))
    return times_s, np.array([180.0, 130.0, 110.0]) * (1 - 0.004 * wave[:, None] * [0.4, 1.0, 0.6]) + noise


def text_of(head: str, *columns: np.ndarray, sep: str = ",", digits: int = 4) -> str:
    rows = np.column_stack(columns).tolist()
    return (
        "\n".join([head, *(sep.join("" if np.isnan(v) else f"{v:.{digits}f}" for v in row) for row in rows)])
        + "\n"
    )


def write(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "x.csv"
    path.write_bytes(text.encode(encoding))
    return path


def hr_of(report: rppg_core.Report) -> tuple[float, float]:
    hr = report.consensus.vitals.hr
    assert hr.value is not None
    return hr.value, hr.confidence


# --- written and read back ---
