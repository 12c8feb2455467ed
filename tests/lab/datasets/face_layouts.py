"""Rendered faces with a known pulse in the layouts of two datasets, as a licence holder has them."""

from __future__ import annotations

import json

import cv2
import numpy as np
from lab.datasets.known_pulse import truth_text, write_avi, write_text
from lab.datasets.make_layouts import PURE_START_NS, pure_json

from rppg_core.lab.simulate.faces import simulate_video
from rppg_core.lab.simulate.settings import SimulationSettings

RATES_BPM = (62.0, 80.0, 97.0)


def film(k, seconds):
    """Pictures and truth of person k, at 30 frames a second."""
    video = simulate_video(SimulationSettings(seconds=seconds, hr_bpm=RATES_BPM[k], seed=70 + k, size=112))
    return list(video.frames.pictures()), video.truth


def make_ubfc2_faces(root, seconds):
    for k in range(len(RATES_BPM)):
        pictures, truth = film(k, seconds)
        folder = root / "DATASET_2" / f"subject{k + 1}"
        write_avi(folder / "vid.avi", truth.times_s, 30.0, frames=pictures)
        rows = truth.bvp, truth.hr_bpm, truth.times_s
        write_text(folder / "ground_truth.txt", truth_text(rows))
    return root / "DATASET_2"


def make_pure_faces(root, seconds):
    for k in range(2):
        (pictures, truth), name = film(k, seconds), f"0{k + 1}-01"
        image_ns = PURE_START_NS + np.rint(1e9 * truth.times_s).astype(int)
        folder = root / name / name
        folder.mkdir(parents=True)
        for t, rgb in zip(image_ns, pictures, strict=True):
            cv2.imwrite(str(folder / f"Image{t}.png"), rgb[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
        bvp = dict(zip(image_ns.tolist(), truth.bvp.tolist(), strict=True))
        labels = pure_json(image_ns)
        for sample in labels["/FullPackage"]:
            near = min(bvp, key=lambda t: abs(t - sample["Timestamp"]))
            sample["Value"] |= {"waveform": int(1000 * bvp[near]), "pulseRate": int(RATES_BPM[k])}
        write_text(root / name / f"{name}.json", json.dumps(labels))
    return root
