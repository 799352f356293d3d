"""The data that the reader is trained on: what is written keeps to its format, and groups are drawn as meant."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from click import ClickException

from askllama.config import read_toml
from training.examples import Example, Group, draw_groups, list_examples, swapped_questions
from training.make import RECIPE, Maker
from training.written import load_documents

TRAINING = Path(__file__).parents[1] / "training"
DOCUMENT = "# Ibex\n\nOn March 3rd, 2024 Quarry Labs released Ibex 2.\n???\n"


@pytest.mark.parametrize("folder", ["written", "calibration"])
def test_what_is_written_keeps_to_the_format(folder: str) -> None:
    documents = [d for path in sorted((TRAINING / folder).glob("*.txt")) for d in load_documents(path)]
    asked = [question for document in documents for question in document.questions]
    unanswerable = sum(not question.answers for question in asked)
    assert len(documents) >= 54
    assert 0.2 < unanswerable / len(asked) < 0.4


def test_no_document_is_trained_on_and_calibrated_with() -> None:
    texts = [
        {document.text for path in (TRAINING / folder).glob("*.txt") for document in load_documents(path)}
        for folder in ("written", "calibration")
    ]
    assert not texts[0] & texts[1]


def test_an_answer_is_the_braces_place_in_the_document(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(f"{DOCUMENT}Q: who made ibex 2?\nA: 2024 {{Quarry Labs}} released\nQ: price?\nA: none\n")
    document = next(load_documents(path))
    maker, price = document.questions
    assert [document.text[a:b] for a, b in maker.answers] == ["Quarry Labs"]
    assert price.answers == ()


@pytest.mark.parametrize("answer", ["A: {Holm} released", "A: Quarry Labs", "A: {e}", ""])
def test_an_entry_that_breaks_the_format_is_refused(tmp_path: Path, answer: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(f"{DOCUMENT}Q: who made ibex 2?\n{answer}\n")
    with pytest.raises(ValueError, match="who made ibex"):
        list(load_documents(path))


def test_a_group_has_a_passage_that_answers_or_the_one_that_almost_does() -> None:
    right, near, far = (Example("q?", text, spans) for text, spans in (("yes", ((0, 3),)), ("near", ()), ("far", ())))
    paragraph = Group((right,), (near, far), written=False)
    assert [len(group) for group in draw_groups([paragraph], Random(1))] == [2]
    unanswerable = Group((), (near, far), written=True)
    assert [[e.context for e in group] for group in draw_groups([unanswerable], Random(1))] == [["near"]]
    drawn = draw_groups([Group((right,), (near, far), written=True)] * 50, Random(1))
    assert {len(group) for group in drawn} == {1, 2}
    assert all(group[0].context == "yes" for group in drawn)


def test_of_older_written_questions_a_share_is_drawn() -> None:
    right = Example("q?", "yes", ((0, 3),))
    new, old = Group((right,), (), written=True), Group((replace(right, context="old"),), (), written=True)
    drawn = draw_groups([new] * 10, Random(1), [old] * 100)
    assert [sum(group[0].context == text for group in drawn) for text in ("yes", "old")] == [10, 15]


def test_an_exchanged_name_makes_a_question_unanswerable() -> None:
    example = Example("What did Norman Foster build in 1999?", "Norman Foster built it in 1999.", ((0, 13),))
    other = Example("When was Ada Lovelace born?", "Ada Lovelace was born in 1815.", ((25, 29),))
    swapped = list(swapped_questions([example, other], Random(1)))
    assert swapped
    assert all(e.answers == () and e.question not in (example.question, other.question) for e in swapped)


def test_sentences_joined_into_a_list_keep_their_answer() -> None:
    examples = [Example("who?", f"Person{n} came. ", ((0, 7),)) for n in range(8)]
    for made in list_examples(examples * 5, 30, Random(3)):
        assert all(made.context[a:b].startswith("Person") for a, b in made.answers)


def test_the_recipe_names_what_there_is_and_makes_each_part_after_its_own(tmp_path: Path) -> None:
    recipe = read_toml(RECIPE)
    maker = Maker(recipe, tmp_path, tmp_path / "runs")
    order = maker.order()
    assert set(recipe["shipped"]) <= set(order)
    earlier = {"one", "three", "five"}
    for place, name in enumerate(order):
        if name in earlier:
            with pytest.raises(ClickException, match="earlier commit"):
                maker.command(name)
            continue
        module, *arguments = maker.command(name)
        assert str(maker.path(name)) in arguments or str(maker.path(name).parent) in arguments
        made = {str(maker.path(part)) for part in order[:place]}
        assert {a for a in arguments if a.startswith(str(tmp_path / "runs")) and Path(a).suffix} <= made | {
            str(maker.path(name))
        }
        assert (Path(TRAINING, module.partition(".")[2]).with_suffix(".py")).exists()
    themes = {theme for group in recipe["themes"].values() for theme in group}
    assert themes == {path.stem.rpartition("-")[0] for path in (TRAINING / "written").glob("*.txt")}
