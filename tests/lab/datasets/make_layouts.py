"""Small datasets in the layouts of the field, from a script: no faces, one known pulse.

Every clip shows a patch whose green falls by the pulse `wave(t)` at 72 bpm, t in seconds on the clock of its labels;
what a loader gives back is compared with that. `PYTHONPATH=tests python -m lab.datasets.make_layouts DIR` writes all.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import cv2
import h5py
import numpy as np
from lab.datasets.known_pulse import (
    FPS,
    HR_BPM,
    RR_BRPM,
    SECONDS,
    SPO2,
    even,
    pictures,
    truth_text,
    wave,
    write_avi,
    write_text,
)
from scipy.io import savemat

from rppg_core.video.writer import write_video

PURE_START_NS = 1392643993642815000
MAT_HEADER = b"MATLAB 7.3 MAT-file, written by a test".ljust(512, b" ")


def make_ubfc2(root, *, labels_fewer=0, gap_s=0.0, end="\n", subjects=(1, 21)):
    """`labels_fewer` values than frames, a jump of the clock in the middle, blanks at line ends."""
    times_s = even(29.53)
    times_s[len(times_s) // 2 :] += gap_s
    for subject in subjects:
        folder = root / "DATASET_2" / f"subject{subject}"
        write_avi(folder / "vid.avi", times_s, 29.53, "rawvideo", "bgr24")
        shown = times_s[: len(times_s) - labels_fewer]
        rows = wave(shown), np.full(len(shown), HR_BPM), shown
        write_text(folder / "ground_truth.txt", truth_text(rows, end))
    return root / "DATASET_2"


def make_ubfc1(root):
    for name, video in (("5-gt", "vid-001 (1).avi"), ("after-exercise", "vid.avi")):
        times_s = even(28.67)
        write_avi(root / name / video, times_s, 28.67, "rawvideo", "bgr24")
        times_ms = 11 + 16 * np.arange(int(SECONDS * 1e3 / 16))
        ppg = np.rint(64 + 60 * wave(times_ms / 1e3))
        rows = [f"{t},{HR_BPM:.0f},{SPO2:.0f},{p:.0f}" for t, p in zip(times_ms, ppg, strict=True)]
        write_text(root / name / "gtdump.xmp", "\n".join(rows))
    return root


def pure_json(image_ns):
    """A sensor at 60 Hz that starts 12 ms early and ends 9 ms late, two samples in the wrong order."""
    first, last = image_ns[0] - 12_000_000, image_ns[-1] + 9_000_000
    times_ns = [int(t) for t in range(first, last, 16_666_667)]
    package = [
        {
            "Timestamp": t,
            "Value": {
                "waveform": int(1000 * wave((t - image_ns[0]) / 1e9)) + 2000,
                "pulseRate": int(HR_BPM),
                "o2saturation": int(SPO2),
                "signalStrength": 4,
            },
        }
        for t in times_ns
    ]
    package[10], package[11] = package[11], package[10]
    images = [{"Timestamp": int(t), "Value": {}} for t in image_ns]
    return {"/FullPackage": package, "/Image": images}


def make_pure(root, *, json_beside=False, clips=("01-01", "02-03")):
    """Uneven times with two pictures dropped by the camera."""
    for name in clips:
        steps_ns = np.random.default_rng(3).integers(32_000_000, 34_600_000, round(SECONDS * FPS))
        image_ns = PURE_START_NS + np.delete(np.cumsum(steps_ns), [40, 41])
        folder = root / name / name
        folder.mkdir(parents=True, exist_ok=True)
        for t, rgb in zip(image_ns, pictures((image_ns - image_ns[0]) / 1e9), strict=True):
            cv2.imwrite(str(folder / f"Image{t}.png"), rgb[..., ::-1])
        place = root / f"{name}.json" if json_beside else root / name / f"{name}.json"
        write_text(place, json.dumps(pure_json([int(t) for t in image_ns])))
    return root


def make_cohface(root):
    times_s = even(256)
    for clip in ("1/0", "1/2", "2/0"):
        write_avi(root / clip / "data.avi", even(20), 20, "mpeg4", "yuv420p", (48, 64))
        with h5py.File(root / clip / "data.hdf5", "w") as file:
            file["pulse"], file["respiration"], file["time"] = wave(times_s), wave(times_s, RR_BRPM), times_s
            file.attrs["sample-rate-hz"] = 256
    write_text(root / "protocols" / "all" / "train.txt", "1/0/data\n1/2/data\n")
    write_text(root / "protocols" / "all" / "test.txt", "2/0/data\n")
    return root


def vipl_times_ms():
    """29.82 frames a second, as p1/v1/source1 has."""
    return np.rint(1e3 * even(29.82)).astype(int)


def make_vipl(root):
    """Header always 25 fps; the phone has no time.txt; near infra-red; a second take; v7/source1 missing."""
    clips = [
        f"p1/v{v}/source{s}" for v in range(1, 10) for s in ((2,) if v > 7 else (1, 2, 3)) if (v, s) != (7, 1)
    ]
    webcam = write_avi(root / "webcam.avi", vipl_times_ms() / 1e3, 25, "mjpeg", "yuvj420p", (46, 42))
    phone = write_avi(root / "phone.avi", even(30.0), 25, "mjpeg", "yuvj420p", (46, 42))
    for clip in [*clips, "p1/v1-2/source1", "p1/v1/source4"]:
        folder = root / clip
        folder.mkdir(parents=True)
        shutil.copy(phone if clip.endswith("source2") else webcam, folder / "video.avi")
        if not clip.endswith("source2"):
            write_text(folder / "time.txt", "".join(f"{t}\n" for t in vipl_times_ms()))
        write_text(folder / "gt_HR.csv", "HR\n72\n72\n73\n71\n")
        write_text(folder / "gt_SpO2.csv", "SpO2\n97\n44\n97\n97\n")
        write_text(folder / "wave.csv", "Wave\n" + "".join(f"{60 + 20 * x:.0f}\n" for x in wave(even(60))))
    webcam.unlink()
    phone.unlink()
    write_text(root / "Missing_data.txt", "p1/v7/source1\n")
    (root / "fold").mkdir()
    savemat(root / "fold" / "fold2.mat", {"fold2": np.array([[1, 5]])})
    return root


MMPD_WORDS = {
    "light": "LED-low",
    "motion": "Watching Videos",
    "exercise": "False",
    "gender": "female",
    "glasser": "True",
    "hair_cover": "False",
    "makeup": "False",
}


def make_mmpd(root, *, scale=1.0, v73=False):
    """float64 video in 0..1 as the original, or times `scale`."""
    times_s = even(FPS)
    video = np.stack(list(pictures(times_s))) / 255 * scale
    path = root / "subject1" / "p1_0.mat"
    path.parent.mkdir(parents=True)
    found = {"video": video, "GT_ppg": wave(times_s)[None], "skin_color": np.array([[5]]), **MMPD_WORDS}
    if not v73:
        savemat(path, found, do_compression=True)
        return root
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in found.items():
            if isinstance(value, str):
                file[name] = np.array([[ord(letter)] for letter in value], np.uint16)
                file[name].attrs["MATLAB_class"] = np.bytes_(b"char")
            else:
                file[name] = np.asarray(value, float).T
    with path.open("r+b") as file:
        file.write(MAT_HEADER)
    return root


def make_buaa(root, *, packed=False):
    for lux in ("10.0", "2.5"):
        folder = root / "Sub 01" / f"lux {lux}"
        write_avi(folder / f"lux{lux}_APH.avi", even(FPS), FPS)
        ppg = wave(even(60))
        if packed:
            savemat(folder / "PPGData.mat", {"PPG": {"data": ppg[:, None]}})
        else:
            write_text(folder / f"lux{lux}_APH_wave.csv", "".join(f"{x:.6f}\n" for x in ppg))
            rows = "".join(f"{k},{HR_BPM:.0f}\n" for k in range(int(SECONDS)))
            write_text(folder / f"lux{lux}_APH.csv", "TIME,PULSE\n" + rows)
    return root


def rate_lines(clip, n, end=""):
    return "".join(
        f"{clip}.mkv, {name}, " + ", ".join(f"{value:g}" for _ in range(n)) + end + "\n"
        for name, value in (("HR", HR_BPM), ("RR", RR_BRPM))
    )


def make_v4v(root):
    """Phase 1 with one file per clip, phase 2 with one release file of two videos."""
    times_s, pressure = even(25), 90 + 20 * wave(even(1000))
    first, second = root / "Phase 1_ Training_Validation sets", root / "Phase 2_ Testing set"
    lines = "".join(f"{x:.4f}\n" for x in pressure)
    for place, clip in (
        (first / "Videos/Training", "F001_T1"),
        (second / "Videos/Test/test", "M007_T10"),
        (second / "Videos/Test/test", "F008_T2"),
    ):
        place.mkdir(parents=True, exist_ok=True)
        write_video(place / f"{clip}.mkv", pictures(times_s), fps=25)
    write_text(first / "Ground truth/BP_raw_1KHz/F001-T1-BP.txt", lines)
    write_text(first / "Ground truth/Physiology/F001_T1.txt", rate_lines("F001_T1", len(times_s)))
    for clip in ("M007-T10", "F008-T2"):
        write_text(second / f"blood_pressure/test_set_bp/{clip}.txt", lines)
    release = rate_lines("M007_T10", len(times_s), ", ") + rate_lines("F008_T2", len(times_s))
    write_text(second / "test_set_gt_release.txt", release)
    return root


def make_stmap(root, clips=("HCW/s03_a", "V4V/F001_T1", "UBFC/subject21"), *, name="STMap_RGB.png"):
    """HCW: pulse and breathing wave; V4V: rates; UBFC: RF filled with the heart rate, SPO2 with 0."""
    n = 90
    times_s = even(FPS)[:n]
    cells = np.tile(127.5 - 127.5 * wave(times_s), (25, 1))
    picture = np.stack([cells * 0 + 10, cells, cells * 0 + 30], -1).round().astype(np.uint8)
    picture[7] = 100  # a cell without pixels
    for clip in clips:
        (root / clip / "STMap").mkdir(parents=True)
        cv2.imwrite(str(root / clip / "STMap" / name), picture[..., ::-1])
        labels = {
            "HCW": {"BVP": wave(times_s), "RF": wave(times_s, RR_BRPM), "RF_Filt": wave(times_s, RR_BRPM)},
            "V4V": {"HR": np.full(n, HR_BPM), "RF": np.full(n, RR_BRPM)},
            "UBFC": {
                "BVP": wave(times_s),
                "HR": np.full(n, HR_BPM),
                "RF": np.full(n, HR_BPM),
                "SPO2": np.zeros(n),
            },
        }[clip.split("/")[0]]
        for label, values in labels.items():
            (root / clip / "Label").mkdir(exist_ok=True)
            savemat(root / clip / "Label" / f"{label}.mat", {label: values[None]})
    (root / "Train_Index").mkdir()
    savemat(
        root / "Train_Index" / "0.mat", {"Path": r"D:\data\STMap\HCW\s03_a", "Step_Index": np.array([[30]])}
    )
    return root


def make_generic(root):
    """A column without a value in most rows: one heart rate a second."""
    times_s = even(FPS)
    root.mkdir(parents=True, exist_ok=True)
    rows = [
        f"{t:.6f},{p:.6f},{HR_BPM if k % 30 == 0 else ''}"
        for k, (t, p) in enumerate(zip(times_s, wave(times_s), strict=True))
    ]
    for clip in ("ann_1", "ben_1"):
        write_video(root / f"{clip}.mkv", pictures(times_s), times_s=times_s)
        write_text(root / f"{clip}.csv", "t_s,ppg,hr\n" + "\n".join(rows) + "\n")
    return root


def make_traces(root):
    """Colours of the patch in place of its pictures, and four heart rates a second, before and after too."""
    root.mkdir(parents=True, exist_ok=True)
    times_s = even(FPS)
    rows = [f"{t:.4f},170.00,{120 - 20 * p:.4f},90.00" for t, p in zip(times_s, wave(times_s), strict=True)]
    rates = [f"{t:.2f},{HR_BPM:.1f}" for t in np.arange(-2, SECONDS + 5, 0.25)]
    for clip in ("ann_sitting", "ben_talking"):
        write_text(root / f"{clip}.csv", "time_s,r,g,b\n" + "\n".join(rows) + "\n")
        write_text(root / f"{clip}_hr.csv", "time_s,hr_bpm\n" + "\n".join(rates) + "\n")
    return root


MAKERS = {
    "ubfc1": make_ubfc1,
    "ubfc2": make_ubfc2,
    "pure": make_pure,
    "cohface": make_cohface,
    "vipl": make_vipl,
    "mmpd": make_mmpd,
    "buaa": make_buaa,
    "v4v": make_v4v,
    "stmap": make_stmap,
    "traces": make_traces,
    "generic": make_generic,
}


if __name__ == "__main__":
    for layout, make in MAKERS.items():
        make(Path(sys.argv[1]) / layout)
