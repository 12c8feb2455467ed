"""Tables that hold no colour traces, or traces that cannot be read: what each message says."""

from pathlib import Path

import pytest

import rppg_core
from rppg_core.errors import ClipTooLongError, NoFaceError, RppgError
from rppg_core.video.traces import read_traces


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "x.csv"
    path.write_text(text, encoding="utf-8")
    return path


def colours(times: str, values: str = "120,100,90", n: int = 200) -> str:
    return "".join(f"{times.format(t=k / 25, k=k)},{values}\n" for k in range(n))


BAD = {
    "no times": ("r,g,b\n120,100,90\n121,100,90\n", "has no column of times"),
    "frame numbers": ("t,r,g,b\n" + colours("{k}"), "divide them by the frame rate"),
    "clock": ("time,r,g,b\n12:00:01,120,100,90\n12:00:02,120,100,90\n", "is a time of day"),
    "milliseconds called seconds": (
        "time_s,r,g,b\n0,9,9,9\n40,9,9,9\n80,9,9,9\n",
        "if these are milliseconds",
    ),
    "green alone": ("time_s,green\n0,100\n0.04,101\n", "no red and blue"),
    "two colours": ("time_s,r,g\n0,100,90\n0.04,101,91\n", "no blue"),
    "red twice": ("time_s,r,g,b,red\n0,1,2,3,4\n0.04,1,2,3,4\n", "two columns for the red"),
    "grey": ("time_s,intensity\n0,100\n0.04,101\n", "has the columns 'time_s, intensity'"),
    "text": (
        "time_s,r,g,b\n0,120,100,90\n0.04,bright,100,90\n",
        "line 3, column r: 'bright' is not a number",
    ),
    "no names": ("0,120,100,90\n0.04,121,100,90\n", "names of the columns"),
    "heart rates": ("time_s,hr_bpm\n0,70\n1,71\n", "give it with --reference"),
    "several analysed": ("file,hr_bpm,note\na.mp4,70,x\nb.mp4,71,x\n", "holds heart rates"),
    "waveforms": ("# verdict: Quality good\ntime_s,green,pos\n0,1,2\n0.03,1,2\n", "pulse waveforms"),
    "one row": ("time_s,r,g,b\n0,120,100,90\n", "holds 1 frame"),
    "normalised": ("time_s,r,g,b\n" + colours("{t}", "-0.2,0.1,0.3"), "keep the mean colours themselves"),
    "10 bits": ("time_s,r,g,b\n" + colours("{t}", "720,610,500"), "1023 of 10 bits"),
    "unknown range": ("time_s,r,g,b\n" + colours("{t}", "3,2,1"), "0 for black and 255 for white"),
    "unknown region": ("time_s,nose_r,nose_g,nose_b\n0,1,2,3\n0.04,1,2,3\n", "unknown regions: nose"),
    "empty": ("", "the file is empty"),
    "names only": ("time_s,r,g,b\n", "holds only names"),
}


@pytest.mark.parametrize("name", BAD)
def test_table_of_something_else_is_refused_with_a_remedy(tmp_path, name):
    text, words = BAD[name]
    with pytest.raises(RppgError) as caught:
        rppg_core.analyze(write(tmp_path, text))
    assert words in str(caught.value)
    assert caught.value.exit_code == 3


def test_table_without_a_face_is_refused(tmp_path):
    with pytest.raises(NoFaceError, match="none of the 200 rows"):
        read_traces(write(tmp_path, "time_s,r,g,b\n" + colours("{t}", "0,0,0")))


def test_table_that_is_too_long_is_refused(tmp_path):
    with pytest.raises(ClipTooLongError, match=r"at most 0\.1 min"):
        read_traces(write(tmp_path, "time_s,r,g,b\n" + colours("{t}")), max_s=6)


def test_table_with_few_seconds_is_refused_like_a_video(tmp_path):
    with pytest.raises(RppgError, match="at least 5 s"):
        rppg_core.analyze(write(tmp_path, "time_s,r,g,b\n" + colours("{t}", n=100)))
