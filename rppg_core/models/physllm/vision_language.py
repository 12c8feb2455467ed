"""The environmental context as the paper makes it: a vision-language model answers five questions about one picture.

This replaces the measured answers of `context`. Any image-text-to-text model of transformers will do, by its name on
the hub or as a folder; its text has an open vocabulary, and it may say what is not in the picture.

What differs from the paper (Xie et al. 2025, https://arxiv.org/abs/2505.03621): the questions are in our own words
and tell the model to leave out who the person is; the picture is the clip's `still` (the first with a face, cut
around it) instead of the middle frame; and no model is named by default (the paper's is LLaVA-1.5-7B).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rppg_core.errors import ModelFileError, UsageError
from rppg_core.signals.checks import check_count, check_kind
from rppg_core.types import FaceClip

MOST_TOKENS = 200  # of an answer, as in the paper
INSTRUCTION = """\
This is one frame of a face video from which a pulse will be estimated by the colour of the skin. \
Answer five questions about the picture, each in one short sentence.
1. Which parts of the face are large and free enough to read their colour?
2. How do the forehead, the cheeks and the bridge of the nose look?
3. How much light does the skin return there, and how does this vary from place to place?
4. Is there uneven light, shadow, reflection, blur or a colour cast, and what may it do to the estimate?
5. What texture, visible vessels or momentary expression could matter?
Describe light, picture and expression only, and not who the person is."""


class VisionLanguageContext:
    """Describes the scene of a clip with a vision-language model.

    Args:
        name_or_path: folder of a model saved by transformers, or the name of one on the Hugging Face hub.
        fetch: download the model if it is not on this machine; otherwise nothing is fetched, and a model that is
            missing is refused at once.
        device: where it runs, such as "cpu" or "cuda".

    Raises:
        UsageError: transformers is not installed, or this is not an image-text-to-text model.
        ModelFileError: the model cannot be loaded.
    """

    def __init__(self, name_or_path: str | Path, *, fetch: bool = False, device: str = "cpu"):
        if not isinstance(name_or_path, (str, Path)) or not str(name_or_path).strip():
            raise UsageError(
                f"vision-language model {name_or_path!r}"[:80],
                wanted="the name of a model or the path of its folder",
                do="name one, such as llava-hf/llava-1.5-7b-hf",
            )
        self.name = str(name_or_path)
        self._processor, self._model = _load(self.name, fetch=fetch)
        self._model.to(device).eval()

    def describe(self, clip: FaceClip, *, max_new_tokens: int = MOST_TOKENS) -> str:
        """The model's answers about the still picture of the clip.

        Args:
            clip: with a `still`.
            max_new_tokens: where the answer is cut off.

        Returns:
            Text, decoded greedily: the same clip gives the same text on the same machine.

        Raises:
            MissingNeedError: the clip holds no still.
        """
        import torch

        check_kind(clip, FaceClip, "clip", do="extract one from a video, or simulate one")
        max_new_tokens = check_count(max_new_tokens, "max_new_tokens", 1)
        inputs = _inputs(self._processor, clip.need("still")).to(self._model.device, self._model.dtype)
        with torch.inference_mode():
            found = self._model.generate(
                **inputs, do_sample=False, num_beams=1, max_new_tokens=max_new_tokens
            )[0]
        asked = inputs["input_ids"][0]
        # decoder-only models return the question before the answer, encoder-decoder models do not
        if len(found) >= len(asked) and torch.equal(found[: len(asked)], asked):
            found = found[len(asked) :]
        return self._processor.batch_decode([found], skip_special_tokens=True)[0].strip()


def _load(name: str, *, fetch: bool) -> tuple[Any, Any]:
    """Processor and model, after a look at the config: weights of another kind of model are never read."""
    try:
        from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor
        from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
    except ImportError as error:
        raise UsageError(
            "transformers is not installed",
            wanted="transformers 5 and torch, for a vision-language model",
            do="pip install 'transformers>=5,<6', or use the measured context",
        ) from error
    local = {"local_files_only": not fetch}
    try:
        config = AutoConfig.from_pretrained(name, **local)
    except Exception as error:  # hub, JSON and config classes each have their own errors
        raise _not_loaded(name, error, fetch=fetch) from error
    if type(config) not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
        raise UsageError(
            f"{name} is a model of type {config.model_type!r}",
            wanted="an image-text-to-text model of transformers",
            do="choose one, such as llava-hf/llava-1.5-7b-hf",
        )
    try:
        processor = AutoProcessor.from_pretrained(name, **local)
        model = AutoModelForImageTextToText.from_pretrained(name, dtype="auto", **local)
    except Exception as error:
        raise _not_loaded(name, error, fetch=fetch) from error
    if not hasattr(processor, "image_processor"):
        raise UsageError(
            f"{name} has the processor {type(processor).__name__}, which takes no pictures",
            wanted="a processor of pictures and text saved beside the model",
            do="save it there with processor.save_pretrained()",
        )
    return processor, model


def _inputs(processor: Any, still: Any) -> Any:
    """Picture and instruction as the model was taught to read them."""
    from PIL import Image

    picture = Image.fromarray(still)
    if getattr(processor, "chat_template", None):
        content = [{"type": "image", "image": picture}, {"type": "text", "text": INSTRUCTION}]
        return processor.apply_chat_template(
            [{"role": "user", "content": content}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        )
    mark = getattr(processor, "image_token", "")
    return processor(images=picture, text=f"{mark}\n{INSTRUCTION}".strip(), return_tensors="pt")


def _not_loaded(name: str, error: Exception, *, fetch: bool) -> ModelFileError:
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    where = "cannot be loaded" if fetch else "is not on this machine, or incomplete"
    return ModelFileError(
        f"vision-language model {name!r} {where} ({reason[:160]})",
        wanted="a folder that holds config, weights and processor, or a model in the hub's cache",
        do="check the name" if fetch else "download it, or pass fetch=True while you are online",
    )
