"""rPPG Lab: from a face video to the pulse, the vital signs and an honest account of how far to trust them.

    import rppg_core
    report = rppg_core.analyze("me.mp4")
    report.consensus.verdict

The public names of the package, each imported on first use. For research and teaching; not a medical device.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "analyze": "rppg_core.analysis.pipeline",
    "figure": "rppg_core.figures.report",
    "inspect_video": "rppg_core.video.inspect",
    "list_methods": "rppg_core.roster",
    "get_method": "rppg_core.roster",
    "create_model": "rppg_core.models.weights",
    "load_model": "rppg_core.models.weights",
    "simulate_clip": "rppg_core.lab.simulate.faces",
    "SimulationSettings": "rppg_core.lab.simulate.faces",
    "FaceClip": "rppg_core.types",
    "RgbTrace": "rppg_core.types",
    "Bvp": "rppg_core.types",
    "Reading": "rppg_core.types",
    "Report": "rppg_core.types",
    "RppgError": "rppg_core.errors",
}

__all__ = ["__version__", *_PUBLIC]  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        try:
            return getattr(import_module(_PUBLIC[name]), name)
        except ModuleNotFoundError as error:
            if error.name not in ("torch", "safetensors"):
                raise
            from rppg_core.errors import UsageError

            raise UsageError(
                f"{name} needs the package {error.name!r}, which is not installed",
                wanted="the extra 'neural'",
                do="pip install 'rppg-lab[neural]'",
            ) from error
    raise AttributeError(f"module 'rppg_core' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
