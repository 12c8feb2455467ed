"""A vision-language model of ten thousand random parameters, saved as transformers saves any other."""

from __future__ import annotations

from pathlib import Path

WORDS = (
    "<pad>",
    "<unk>",
    "<s>",
    "</s>",
    "<image>",
    "user",
    "assistant",
    "the",
    "light",
    "is",
    "even",
    "face",
)
SIDE, PATCH = 16, 8  # pixels
TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }} {% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image> {% else %}{{ part['text'] }} {% endif %}{% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}assistant {% endif %}"
)


def save_tiny_llava(folder: Path, *, chat: bool = True) -> Path:
    """LLaVA with a CLIP of two layers, a Llama of one, and a tokenizer of a dozen words; returns its folder."""
    import torch
    from transformers import (
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    torch.manual_seed(0)
    small = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2}
    eye = CLIPVisionConfig(**small, num_hidden_layers=2, image_size=SIDE, patch_size=PATCH, projection_dim=16)
    tongue = LlamaConfig(
        **small, vocab_size=len(WORDS), num_hidden_layers=1, num_key_value_heads=2,
        bos_token_id=WORDS.index("<s>"), eos_token_id=WORDS.index("</s>"), pad_token_id=WORDS.index("<pad>"),
    )  # fmt: skip
    config = LlavaConfig(
        vision_config=eye,
        text_config=tongue,
        image_token_index=WORDS.index("<image>"),
        image_seq_length=(SIDE // PATCH) ** 2,
    )
    model = LlavaForConditionalGeneration(config)
    with torch.no_grad():  # fresh weights are so small that the picture would not change a word
        for weights in model.parameters():
            weights.mul_(8)
    model.save_pretrained(folder)
    LlavaProcessor(
        image_processor=CLIPImageProcessorPil(
            size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}
        ),
        tokenizer=_tokenizer(),
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE if chat else None,
    ).save_pretrained(folder)
    return folder


def save_tiny_llama(folder: Path) -> Path:
    """A language model that sees nothing; returns its folder."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    _tokenizer().save_pretrained(folder)
    return folder


def _tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({word: k for k, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        additional_special_tokens=["<image>"],
    )
