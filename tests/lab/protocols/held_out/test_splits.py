from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rppg_core.errors import UsageError
from rppg_core.lab.protocols.held_out.splits import (
    Split,
    by_domain,
    cross_dataset,
    leave_one_domain_out,
    person_from_clip,
    subject_folds,
)


@dataclass(frozen=True)
class Clip:
    dataset: str
    subject: str
    clip: str


@st.composite
def folders(draw, min_domains: int = 1):
    """Clips of a few datasets whose people share their names; numbers of clips differ from person to person."""
    counts = draw(
        st.lists(st.lists(st.integers(1, 4), min_size=2, max_size=6), min_size=min_domains, max_size=5)
    )
    clips = [
        Clip(f"d{domain}", f"s{person}", f"d{domain}/s{person}/{k}")
        for domain, people in enumerate(counts)
        for person, n in enumerate(people)
        for k in range(n)
    ]
    return draw(st.permutations(clips))


def judged(splits: list[Split]) -> Counter:
    return Counter(clip for split in splits for clip in split.test)


@given(folders(), st.data())
def test_every_clip_is_tested_in_one_fold_and_nobody_is_on_both_sides(clips, data):
    people = {person_from_clip(clip) for clip in clips}
    splits = subject_folds(clips, data.draw(st.integers(2, len(people))), seed=data.draw(st.integers(0, 9)))
    assert judged(splits) == Counter(clips)
    for split in splits:
        assert split.train and split.test
        assert not {person_from_clip(clip) for clip in split.train} & {
            person_from_clip(clip) for clip in split.test
        }
        assert Counter((*split.train, *split.test)) == Counter(clips)


@given(folders(), st.integers(0, 5))
def test_folds_differ_by_no_more_clips_than_a_person_has(clips, seed):
    sizes = [len(split.test) for split in subject_folds(clips, 2, seed=seed)]
    assert max(sizes) - min(sizes) <= max(Counter(map(person_from_clip, clips)).values())


@given(folders(min_domains=2))
def test_held_out_domain_is_never_learned_from_and_wholly_tested(clips):
    splits = leave_one_domain_out(clips)
    assert judged(splits) == Counter(clips)
    for split in splits:
        assert {clip.dataset for clip in split.test} == {split.name}
        assert split.name not in {clip.dataset for clip in split.train}
        assert len(split.train) + len(split.test) == len(clips)


@given(folders(min_domains=2))
def test_domains_hold_their_own_clips_in_order(clips):
    for name, own in by_domain(clips).items():
        assert list(own) == [clip for clip in clips if clip.dataset == name]


def people(dataset: str, n: int, clips_each: int = 1) -> list[Clip]:
    return [Clip(dataset, f"s{k}", f"{k}/{j}") for k in range(n) for j in range(clips_each)]


def test_people_of_two_datasets_with_one_name_are_two_people():
    splits = subject_folds([*people("a", 1), *people("b", 1)], 2)
    assert [len(split.test) for split in splits] == [1, 1]


def test_same_seed_gives_the_same_folds_and_another_seed_others():
    clips = people("a", 20)
    assert subject_folds(clips, 5, seed=3) == subject_folds(clips, 5, seed=3)
    assert subject_folds(clips, 5, seed=3) != subject_folds(clips, 5, seed=4)


def test_more_folds_than_people_are_refused_with_the_number_that_is_possible():
    with pytest.raises(UsageError, match=r"5 folds of 3 people.*2 to 3 folds"):
        subject_folds(people("a", 3, clips_each=4), 5)


def test_cross_keeps_both_sides_whole_and_says_from_where_to_where():
    split = cross_dataset([*people("pure", 2), *people("buaa", 1)], people("ubfc2", 3))
    assert split.name == "pure+buaa to ubfc2"
    assert (len(split.train), len(split.test)) == (3, 3)


def test_a_dataset_on_both_sides_is_refused():
    with pytest.raises(UsageError, match="pure is on both sides"):
        cross_dataset([*people("pure", 2), *people("buaa", 1)], people("pure", 3))


def test_an_empty_side_is_refused():
    with pytest.raises(UsageError, match="0 to test on"):
        cross_dataset(people("pure", 2), [])


def test_one_domain_cannot_be_left_out_of_itself():
    with pytest.raises(UsageError, match="1 domain"):
        leave_one_domain_out(people("a", 4))
