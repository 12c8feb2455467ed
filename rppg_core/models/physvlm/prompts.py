"""What is said about the rhythm of a map: absolute rates, nothing, and how much faster one half repeats.

Source: Yue et al. 2025 (VL-phys), https://arxiv.org/abs/2407.08507, states ratios of frequencies in prompts; the
wording and the absolute rates are our choice.
"""

from __future__ import annotations

HR_BPM = tuple(range(40, 221, 10))  # rates that have a text
RR_BRPM = tuple(range(5, 71, 5))
RATIOS = (0.25, 0.5, 0.75, 1.25, 1.5, 1.75)
SUBJECTS = {
    "hr": ("skin colour", "the pulse", "the heart", ""),
    "rr": ("the head", "breathing", "the chest", ""),
}  # a sentence about a rate has one of them; "" for none
NOTHING = ("no pulse", "the skin is still", "nothing repeats")
OTHERS = ("the light flickers", "the head moves", "noise")  # words that a reader may try
SMALL = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
RATIO_WORDS = {
    0.25: "a quarter as fast", 0.5: "half as fast", 0.75: "three quarters as fast",
    1.25: "one and a quarter times as fast", 1.5: "one and a half times as fast",
    1.75: "one and three quarters times as fast",
}  # fmt: skip


RATES = {"hr": HR_BPM, "rr": RR_BRPM}


def rate_prompts(task: str, wording: int = 0) -> list[str]:
    """One text for each rate of a task; for the heart, one more for no pulse at all.

    Args:
        task: a key of RATES.
        wording: one of several; 0 is the first, and after the last it starts again.
    """
    subjects = SUBJECTS[task]
    texts = [rate_text(rate, subjects[wording % len(subjects)]) for rate in RATES[task]]
    return texts + [NOTHING[wording % len(NOTHING)]] * (task == "hr")


def rate_text(rate: int, subject: str) -> str:
    """One sentence about a rate per minute."""
    return f"{subject} repeats about {in_words(rate)} times a minute".strip()


def ratio_prompts() -> list[str]:
    """The texts about two halves of a map, one for each of RATIOS."""
    return [f"the right half repeats {RATIO_WORDS[ratio]} as the left half" for ratio in RATIOS]


def in_words(number: int) -> str:
    """A number from 0 to 999 in words."""
    if number < 20:
        return SMALL[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        return f"{TENS[tens]} {SMALL[rest]}" if rest else TENS[tens]
    hundreds, rest = divmod(number, 100)
    return f"{SMALL[hundreds]} hundred {in_words(rest)}" if rest else f"{SMALL[hundreds]} hundred"


def vocabulary() -> list[str]:
    """All words of all texts, in a fixed order."""
    said = [text for task in SUBJECTS for k in range(4) for text in rate_prompts(task, k)]
    said += [*ratio_prompts(), *OTHERS, *SMALL, *TENS, "hundred"]
    return sorted({word for text in said for word in text.split()})
