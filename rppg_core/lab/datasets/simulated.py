"""Six simulated domains that differ as the datasets of the MSSDG protocol do, in one table, `DOMAINS`.

Methods fail on datasets that they were not trained on because of differences in frame rate, codec, camera
colours, light, distance, motion, skin and heart rates, and because labels are missing or late. The datasets
may not be redistributed, so each of the six has a stand-in here. Its settings follow what is published about
the original; where nothing is published, the table says "ours". The clips of a domain are records like those
of a folder, in any number, drawn from seeds that nothing else uses (see DOMAIN_SEED).

A person keeps from clip to clip: skin, resting heart rate, breathing rate, shape and strength of the pulse.
The drawn face itself differs in each clip, because the simulator draws it from the seed of the clip. Faces
are smaller than in the originals, in about the same order of size, because rendering time grows with the
number of pixels.

Source: PhysMLE (https://arxiv.org/abs/2405.06201) for leave-one-domain-out over UBFC, BUAA, PURE, VIPL, V4V
and HCW, and for the labels of each. "[o]" marks facts from the dataset's own pages, files or loaders,
"[ours]" our choice; heart rates are [ours], within the range that the datasets' papers report.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import ndtri

from rppg_core.errors import UsageError
from rppg_core.lab.datasets.base import Record
from rppg_core.lab.datasets.simulated_clip import (
    EACH_FRAME,
    ClipColours,
    Instrument,
    LabelClock,
    SimulatedClip,
)
from rppg_core.lab.simulate.settings import SimulationSettings

# Seeds of clips. `random_settings`, which calibration and training use, draws below 2 ** 40; benchmarks count from
# numbers below 10 ** 7.
DOMAIN_SEED = 2**41
MOST_SEEDS, MOST_CLIPS = 1000, 100_000
SPREAD = (0.7548776662466927, 0.5698402909980532)  # steps that fill a square evenly for any number of points
HR_LIMITS_BPM, RR_LIMITS_BRPM = (45.0, 165.0), (8.0, 28.0)
CLIP_HR_SD_BPM = 4.0  # from clip to clip of one person


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What a person does in one of a domain's clips; factors are relative to the domain."""

    name: str
    motion: str = "small"  # a key of simulate.head.MOTION
    motion_scale: float = 1.0
    talking: float = 0.0  # share of the time
    light: float = 1.0  # factor on the exposure
    noise: float = 1.0  # factor: a camera that turns up its gain
    distance: float = 1.0  # factor
    hr_bpm: float = 0.0  # above rest


@dataclass(frozen=True, kw_only=True)
class SimulatedDomain:
    """One row of the table: how its clips are drawn."""

    name: str
    number: int  # part of the seeds; it never changes
    original: str
    # camera
    fps: tuple[float, ...]  # each person gets one of them
    time_jitter: float = 0.0  # standard deviation of a frame's time / the frame interval
    dropped: float = 0.0  # share of frames
    size: int = 128  # side of the picture at the usual distance, pixels; the face is 0.45 of it wide
    codec: str = ""
    crf: tuple[int, int] = (23, 23)
    colours: ClipColours  # the same for every clip
    gamma: float = 1 / 2.4
    noise: float  # grey levels at middle grey
    # light
    exposure: float = 1.0
    illumination: float  # slow change, standard deviation / the light
    screen: float = 0.0  # light of a screen, standard deviation / the light
    auto_exposure: float = 0.0
    # people
    scenes: tuple[Scene, ...]
    clips_per_subject: int
    tones: tuple[float, ...]  # shares of the six tones, light to dark
    amplitude_percent: tuple[float, float]  # before the reduction by melanin
    hr_bpm: tuple[float, float]  # of people at rest in this room: mean and standard deviation
    rr_brpm: tuple[float, float] = (16.0, 4.0)
    spo2_percent: tuple[float, float] = (97.2, 1.2)
    # labels
    instruments: tuple[Instrument, ...]
    clock_offset_s: tuple[float, float] = (0.0, 0.0)  # range; drawn once per clip
    clock_drift: float = 0.0  # largest drift, in either direction

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels."""
        return tuple(instrument.name for instrument in self.instruments)

    def records(self, n: int, *, seconds: float = 20.0, seed: int = 0) -> Iterator[Record]:
        """Clips of this domain, as records; nothing is rendered before a record's `face_clip` is called.

        Args:
            n: number of clips; the first clips are the same for every n.
            seconds: length of each. Unit: s.
            seed: a different seed gives different people.

        Raises:
            UsageError: `n` or `seed` is out of range.
        """
        if not (0 <= n <= MOST_CLIPS and 0 <= seed < MOST_SEEDS):
            raise UsageError(
                f"{n} clips of seed {seed}",
                wanted=f"at most {MOST_CLIPS} clips, seeds below {MOST_SEEDS}",
                do="ask for fewer",
            )
        return (self._record(k, seconds, seed) for k in range(n))

    def _record(self, k: int, seconds: float, seed: int) -> Record:
        subject, scene = f"s{k // self.clips_per_subject + 1:02d}", self._scene(k)
        name = f"{subject}/{k % self.clips_per_subject + 1:02d}-{scene.name.replace(' ', '-')}"
        clip = self._clip(k, Path(self.name) / name, seconds, seed)
        condition = {"scene": scene.name, "motion": scene.motion, "tone": str(clip.settings.tone + 1)}
        return Record(
            dataset=self.name,
            subject=subject,
            clip=name,
            condition=condition,
            face_clip=clip,
            streams=clip.streams(),
            notes=(f"Simulated, after {self.original}.",),
        )

    def _scene(self, k: int) -> Scene:
        """Scenes in turn, shifted by one after each round, so that people do not all get the same scenes."""
        return self.scenes[(k + k // len(self.scenes)) % len(self.scenes)]

    def _clip(self, k: int, path: Path, seconds: float, seed: int) -> SimulatedClip:
        scene, rng = self._scene(k), np.random.default_rng([DOMAIN_SEED, seed, self.number, 2, k])
        person = self._person(k // self.clips_per_subject, seed)
        hr_bpm = person.pop("hr_bpm") + scene.hr_bpm + CLIP_HR_SD_BPM * rng.standard_normal()
        hr_bpm = float(np.clip(hr_bpm, *HR_LIMITS_BPM))
        settings = SimulationSettings(
            **person, seconds=seconds, face="drawn", hr_bpm=hr_bpm, rsa=0.04 * min(1.0, 75 / hr_bpm),
            scale_with_melanin=True, pulse_colour_shift=0.5, white_balance_spread=0.02,
            size=2 * round(self.size / scene.distance / 2), motion=scene.motion,
            motion_scale=scene.motion_scale * float(np.exp(0.15 * rng.standard_normal())),
            talking=scene.talking, breath_motion=0.2, beat_motion=0.03,
            exposure=self.exposure * scene.light * float(np.exp(0.05 * rng.standard_normal())),
            noise=self.noise * scene.noise, gamma=self.gamma, auto_exposure=self.auto_exposure,
            illumination=self.illumination * float(np.exp(0.3 * rng.standard_normal())), screen=self.screen,
            time_jitter=self.time_jitter, dropped=self.dropped, codec=self.codec,
            crf=int(rng.integers(self.crf[0], self.crf[1] + 1)),
            seed=DOMAIN_SEED + (seed * MOST_SEEDS + self.number) * MOST_CLIPS + k,
        )  # fmt: skip
        clock = LabelClock(
            offset_s=float(rng.uniform(*self.clock_offset_s)),
            drift=float(self.clock_drift * rng.uniform(-1, 1)),
        )
        return SimulatedClip(
            path=path, settings=settings, colours=self.colours, instruments=self.instruments, clock=clock
        )

    def _person(self, subject: int, seed: int) -> dict:
        """What one person keeps; heart and breathing rates fill their distributions evenly, even for few people."""
        first = np.random.default_rng([DOMAIN_SEED, seed, self.number, 0]).uniform(size=2)
        hr_rank, rr_rank = np.clip((first + np.multiply(subject + 1, SPREAD)) % 1, 0.01, 0.99)
        rng = np.random.default_rng([DOMAIN_SEED, seed, self.number, 1, subject])
        low, high = np.log(self.amplitude_percent)
        return {
            "hr_bpm": float(self.hr_bpm[0] + self.hr_bpm[1] * ndtri(hr_rank)),
            "rr_brpm": float(np.clip(self.rr_brpm[0] + self.rr_brpm[1] * ndtri(rr_rank), *RR_LIMITS_BRPM)),
            "fps": float(rng.choice(self.fps)),
            "tone": int(rng.choice(len(self.tones), p=self.tones)),
            "amplitude_percent": float(np.exp(rng.uniform(low, high))),
            "spo2_percent": float(np.clip(rng.normal(*self.spo2_percent), 90, 100)),
            "spo2_swing": 0.5,
            "riiv": float(rng.uniform(0.3, 0.9)),
            "riav": float(rng.uniform(0.05, 0.2)),
            "rise_s": float(rng.uniform(0.12, 0.2)),
            "decay_s": float(np.exp(rng.uniform(np.log(0.05), np.log(0.25)))),
            "dicrotic": float(rng.uniform(0, 0.2)),
            "smoothness": float(rng.uniform(0, 0.5)),
        }


def _oximeter(*names: str, fs: float, lag_s: float = 2.0) -> tuple[Instrument, ...]:
    """A finger clip that shows whole numbers averaged over 4 s, so 2 s late unless another lag is known."""
    rates = {"hr": 1.0, "spo2": 1.0}
    return tuple(
        Instrument(name=name, fs=fs, step=rates[name], average_s=4.0, lag_s=lag_s)
        if name in rates
        else Instrument(name=name, fs=fs)
        for name in names
    )


DOMAINS: tuple[SimulatedDomain, ...] = (
    SimulatedDomain(
        name="ubfc-like", number=0, original="UBFC-rPPG",
        fps=(29.3, 29.55, 29.8),  # [o] header rates differ by subject
        size=160,  # [o] 640 x 480 from about a metre
        codec="",  # [o] uncompressed RGB
        colours=ClipColours(saturation=0.25, red=1.08, blue=0.86),  # [ours] a webcam under warm room light
        noise=1.5, illumination=0.002,  # [ours] daylight and lamps, steady
        scenes=(Scene(name="rest", motion_scale=0.8), Scene(name="game", hr_bpm=8.0)),  # [o] a game against time
        clips_per_subject=3, tones=(0.35, 0.35, 0.2, 0.05, 0.05, 0.0),  # [o] mostly light skin
        amplitude_percent=(0.45, 0.9),  # [ours]
        hr_bpm=(92.0, 15.0),  # [ours] the game is there to raise it
        instruments=_oximeter("bvp", "hr", fs=EACH_FRAME),  # [o] one value per frame
        clock_offset_s=(0.0, 0.1),  # [o] on the video's clock; the pulse at a finger is up to 0.2 s behind the face
    ),
    SimulatedDomain(
        name="buaa-like", number=1, original="BUAA-MIHR",
        fps=(30.0,), size=128,  # [o] 640 x 480 at 30
        codec="h264", crf=(20, 22),  # [ours] AVI, lightly compressed
        colours=ClipColours(saturation=0.05, red=0.92, blue=1.05),  # [ours] cool LED lamp
        noise=3.0, illumination=0.002, exposure=0.7,  # [o] dim light is the point of this dataset
        scenes=tuple(  # [o] 10 to 100 lux, the levels that the protocol keeps; [ours] how a camera responds
            Scene(name=f"lux {lux:.1f}", light=(lux / 100) ** 0.5, noise=(100 / lux) ** 0.3)
            for lux in (10.0, 15.8, 25.1, 39.8, 63.1, 100.0)
        ),
        clips_per_subject=3, tones=(0.05, 0.4, 0.4, 0.15, 0.0, 0.0),  # [o] East Asian
        amplitude_percent=(0.4, 0.8), hr_bpm=(78.0, 11.0),  # [ours]
        instruments=_oximeter("bvp", "hr", fs=60.0),  # [o] CMS50E
        clock_offset_s=(-0.15, 0.15), clock_drift=0.004,  # [o] no time stamps: the wave is stretched to the video
    ),
    SimulatedDomain(
        name="pure-like", number=2, original="PURE",
        fps=(30.0,), time_jitter=0.05, dropped=0.01,  # [o] stamps of 30 Hz, frames missing
        size=128,  # [o] 640 x 480 from 1.1 m
        codec="",  # [o] PNG
        colours=ClipColours(saturation=0.0, red=0.95, blue=1.14),  # [o] daylight; [ours] an industrial camera
        gamma=0.6, noise=1.2, illumination=0.008,  # [o] clouds pass by; [ours] a flat tone curve
        scenes=(  # [o] the six set-ups
            Scene(name="steady", motion_scale=0.6),
            Scene(name="talking", talking=0.7),
            Scene(name="slow translation", motion="medium", motion_scale=0.7),
            Scene(name="fast translation", motion="medium", motion_scale=1.3),
            Scene(name="small rotation", motion_scale=2.0),
            Scene(name="medium rotation", motion="medium", motion_scale=0.9),
        ),
        clips_per_subject=3, tones=(0.5, 0.4, 0.1, 0.0, 0.0, 0.0),  # [o] Caucasian
        amplitude_percent=(0.4, 0.8), hr_bpm=(70.0, 15.0),  # [ours]
        instruments=_oximeter("bvp", "hr", "spo2", fs=60.0),  # [o] CMS50E
        clock_offset_s=(-0.04, 0.04),  # [o] the clocks start within a frame or two
    ),
    SimulatedDomain(
        name="vipl-like", number=3, original="VIPL-HR",
        fps=(29.82, 24.97, 20.0),  # [o] the first two measured; [ours] a slow webcam
        time_jitter=0.08, dropped=0.02,  # [o] counts of frames and stamps differ
        size=144,  # [o] cropped to the face, recorded from 1 m
        codec="mpeg4", crf=(22, 26),  # [o] MJPG; the simulator's nearest encoder
        colours=ClipColours(saturation=0.35, red=0.97, blue=0.97),  # [ours] three cameras under ceiling lamps
        noise=3.0, illumination=0.006, auto_exposure=0.6,  # [ours] webcam and phone
        scenes=(  # [o] the situations v1 to v7
            Scene(name="stable"),
            Scene(name="motion", motion="large"),
            Scene(name="talking", motion="medium", talking=0.8),
            Scene(name="dark", light=0.35, noise=1.6),
            Scene(name="bright", light=1.3),
            Scene(name="distance", distance=1.5),
            Scene(name="exercise", motion="medium", hr_bpm=30.0),
        ),
        clips_per_subject=3, tones=(0.05, 0.35, 0.4, 0.2, 0.0, 0.0),  # [o] East Asian
        amplitude_percent=(0.25, 0.55), hr_bpm=(76.0, 13.0),  # [ours]
        instruments=_oximeter("hr", "spo2", fs=1.0),  # [o] whole numbers, one per second; the wave must not be used
        clock_offset_s=(0.0, 0.5),  # [o] no time column
    ),
    SimulatedDomain(
        name="v4v-like", number=4, original="V4V",
        fps=(25.0,), size=160,  # [o] 25 frames a second, large pictures
        codec="h264", crf=(24, 26),  # [ours] MKV
        colours=ClipColours(saturation=0.15, red=1.16, blue=0.98),  # [ours] studio lamps
        noise=1.8, illumination=0.002, exposure=0.95,
        scenes=(  # [o] tasks that make people feel and move; [ours] which of them
            Scene(name="interview", motion="medium", talking=0.6),
            Scene(name="video", motion="small", motion_scale=1.5),
            Scene(name="startle", motion="large", motion_scale=0.7, hr_bpm=8.0),
            Scene(name="cold water", motion="medium", hr_bpm=15.0),
        ),
        clips_per_subject=3, tones=(0.2, 0.25, 0.2, 0.15, 0.1, 0.1),  # [o] the most mixed of the six
        amplitude_percent=(0.3, 0.7), hr_bpm=(84.0, 14.0), rr_brpm=(18.0, 4.5),  # [ours]
        instruments=(  # [o] from blood pressure and breath, one value per frame; there is no pulse wave
            Instrument(name="hr", fs=EACH_FRAME),
            Instrument(name="rr", fs=EACH_FRAME),
        ),
    ),
    SimulatedDomain(
        name="hcw-like", number=5, original="HCW",
        fps=(30.0,), time_jitter=0.03, size=120,  # [o] a webcam, 2.16 million frames in 20 h
        codec="h264", crf=(18, 20),  # [ours] finer than webcams, for smaller pictures
        colours=ClipColours(saturation=0.3, red=0.86, blue=1.04),  # [ours] fluorescent lamps and a screen
        noise=2.5, illumination=0.004, screen=0.002, auto_exposure=0.8,  # [ours] people work before a screen
        scenes=(  # [o] high cognitive workload; [ours] which tasks
            Scene(name="rest", motion_scale=0.8),
            Scene(name="reading", motion="small", motion_scale=1.5),
            Scene(name="arithmetic", motion="medium", motion_scale=0.6, talking=0.3, hr_bpm=10.0),
        ),
        clips_per_subject=3, tones=(0.05, 0.4, 0.4, 0.1, 0.05, 0.0),  # [ours]
        amplitude_percent=(0.3, 0.7), hr_bpm=(82.0, 12.0), rr_brpm=(17.0, 4.0),  # [ours]
        instruments=(  # [o] a wave and a breath, from which heart and breathing rate are derived
            Instrument(name="bvp", fs=60.0), Instrument(name="hr", fs=1.0, average_s=8.0),
            Instrument(name="rr", fs=1.0),
        ),
        clock_offset_s=(-0.2, 0.2), clock_drift=0.001,  # [ours] started by hand
    ),
)  # fmt: skip


def domain_table(domains: Sequence[SimulatedDomain] = DOMAINS) -> str:
    """The settings of the domains side by side, one column per domain."""
    columns = [_column(domain) for domain in domains]
    width = max(map(len, columns[0]))
    lines = []
    for name in columns[0]:
        cells = [column[name] for column in columns]
        lines.append([name.ljust(width), *cells])
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _column(d: SimulatedDomain) -> dict[str, str]:
    colours, (low_s, high_s) = d.colours, d.clock_offset_s
    rates = ", ".join(f"{i.name} {f'{i.fs:g} Hz' if i.fs else 'a frame'}" for i in d.instruments)
    return {
        "domain": d.name,
        "frames a second": ", ".join(f"{fps:g}" for fps in d.fps),
        "lost frames, jitter": f"{100 * d.dropped:g} %, {100 * d.time_jitter:g} %",
        "face, px": "-".join(f"{px:.0f}" for px in sorted({0.45 * d.size / s.distance for s in d.scenes})),
        "codec": f"{d.codec} crf {d.crf[0]}-{d.crf[1]}" if d.codec else "none",
        "colours (matrix, red, blue)": f"{colours.saturation:g}, {colours.red:g}, {colours.blue:g}",
        "noise, grey levels": f"{d.noise:g}",
        "exposure": f"{d.exposure:g}, {100 * d.auto_exposure:g} % automatic",
        "light drift, screen": f"{100 * d.illumination:g} %, {100 * d.screen:g} %",
        "scenes": f"{len(d.scenes)}: {d.scenes[0].name} to {d.scenes[-1].name}",
        "motion": ", ".join(sorted({s.motion for s in d.scenes})),
        "tones 1-6, %": " ".join(f"{100 * share:.0f}" for share in d.tones),
        "pulse, %": f"{d.amplitude_percent[0]:g}-{d.amplitude_percent[1]:g}",
        "resting HR, bpm": f"{d.hr_bpm[0]:g} ± {d.hr_bpm[1]:g}",
        "RR, brpm": f"{d.rr_brpm[0]:g} ± {d.rr_brpm[1]:g}",
        "labels": rates,
        "label clock": f"{low_s:g} to {high_s:g} s, drift {100 * d.clock_drift:g} %",
    }
