"""What every loader must give back of a clip that make_layouts.py wrote."""

from __future__ import annotations

import numpy as np
from lab.datasets.known_pulse import HR_BPM, RR_BRPM, SPO2, wave

from rppg_core.lab.datasets.base import KINDS
from rppg_core.lab.datasets.layouts import LAYOUTS

LEVELS = {"hr": HR_BPM, "rr": RR_BRPM, "spo2": SPO2}


def records_of(layout, folder):
    return {record.clip: record for record in LAYOUTS[layout]().records(folder)}


def green_over_time(record):
    """Times and mean green of all frames."""
    frames = [(f.time_s, f.region(0, 0, f.width, f.height, 1, 1)[0, 0, 1]) for f in record.frames()]
    return tuple(np.array(column) for column in zip(*frames, strict=True))


def assert_frames_carry_the_pulse(record, n_frames):
    times_s, green = green_over_time(record)
    assert len(times_s) == n_frames
    assert times_s[0] == 0
    assert (np.diff(times_s) > 0).all()
    # a clock wrong by one frame in a hundred, or by 10 ms, lowers r below this
    assert np.corrcoef(green, -wave(times_s))[0, 1] > 0.999


def assert_streams_round_trip(record, names):
    """Waves lie on their clock, rates have their value, units are those of the table."""
    assert set(record.streams) == set(names)
    for name in names:
        stream = record.streams[name]
        assert stream.unit == KINDS[name].unit
        assert len(stream.times_s) == len(stream.values) == len(stream.mask)
        if name in LEVELS:
            assert np.median(stream.values[stream.mask]) == LEVELS[name]
        else:
            known = wave(stream.times_s, RR_BRPM if name == "resp" else HR_BPM)
            assert np.corrcoef(stream.values, known)[0, 1] > 0.999
