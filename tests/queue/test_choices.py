from hypothesis import given
from hypothesis import strategies as st

from labelaudit.decision import Ruling
from labelaudit.queue.choices import AMBIGUOUS, NOT_A_FACE, choice_of, choices_of, decided

awkward = st.builds(
    lambda brackets, word: "(" * brackets + word, st.integers(0, 4), st.sampled_from(["ambiguous)", "x"])
)
names = st.one_of(awkward, st.text(min_size=1), st.sampled_from([AMBIGUOUS, NOT_A_FACE]))


def test_the_classes_come_first_and_then_the_two_words():
    assert choices_of(("sad", "fear")) == ("sad", "fear", "(ambiguous)", "(not a face)")


def test_what_a_choice_says():
    assert decided("sad") == (Ruling.LABEL, "sad")
    assert decided("(ambiguous)") == (Ruling.AMBIGUOUS, None)
    assert decided("(not a face)") == (Ruling.NOT_A_FACE, None)
    assert decided("ambiguous") == (Ruling.LABEL, "ambiguous")  # may be a class


def test_a_class_that_is_called_like_a_word_stays_a_class():
    assert choices_of(("(ambiguous)", "((ambiguous)")) == ("((ambiguous)", "(((ambiguous)", AMBIGUOUS, NOT_A_FACE)
    assert decided("((ambiguous)") == (Ruling.LABEL, "(ambiguous)")


@given(st.lists(names, unique=True))
def test_every_choice_means_one_thing(classes):
    choices = choices_of(classes)
    assert len(set(choices)) == len(classes) + 2
    assert [decided(choice_of(label)) for label in classes] == [(Ruling.LABEL, label) for label in classes]
