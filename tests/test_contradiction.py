"""Statements made of the sources' own words that the sources contradict, and others that only look so."""

from __future__ import annotations

import pytest

from askllama.contradiction import find_contradiction

NEGATED = [
    ("The weights of Mixtral are open.", "The weights of Mixtral are not open."),
    ("Falcon is free for commercial use.", "Falcon isn't free for commercial use."),
    ("The licence does not allow commercial use.", "The licence allows commercial use."),
    ("LLaMA was never meant for commercial use.", "LLaMA was meant for commercial use."),
    ("Phi-2 runs without a GPU.", "Phi-2 runs with a GPU."),
    ("MPT has no length limit.", "MPT has a length limit."),
    ("Vicuna cannot be used commercially.", "Vicuna can be used commercially."),
    ("The paper was published in 2023.", "The paper was never published in 2023."),
]
BOUNDS = [
    ("It was trained on more than 18 trillion tokens.", "It was trained on less than 18 trillion tokens."),
    ("It needs at least 8 GB.", "It needs at most 8 GB."),
    ("It needs at least 8 GB.", "It needs less than 8 GB."),
    ("It needs up to 8 GB.", "It needs at least 8 GB."),
    ("Fewer than 40 people built it.", "More than 40 people built it."),
    ("It has over 70B parameters.", "It has under 70B parameters."),
    ("It has 70B parameters.", "It has over 70B parameters."),
    ("It costs no more than 20 dollars.", "It costs more than 20 dollars."),
    ("Nearly 40% of the users agreed.", "Over 40% of the users agreed."),
    ("More than 40 people built it.", "Exactly 40 people built it."),
]
OPPOSITES = [
    ("Mixtral is faster than LLaMA 2.", "Mixtral is slower than LLaMA 2."),
    ("The size of the models increased in 2023.", "The size of the models decreased in 2023."),
    ("ChatGPT was released before GPT-4.", "ChatGPT was released after GPT-4."),
    ("Google bought DeepMind.", "Google sold DeepMind."),
    ("The smallest of the best models is Phi-2.", "The smallest of the worst models is Phi-2."),
    ("Mistral supports open weights.", "Mistral opposes open weights."),
]
NUMBERS = [
    ("It has 7 billion parameters and a context of 32 tokens.", "It has 32 parameters."),
    ("It was trained on 18 trillion tokens with 400 GPUs.", "It was trained on 400 tokens."),
    ("LLaMA came out in February 2023 and Alpaca in March 2023.", "Alpaca came out in February 2023."),
    ("ChatGPT was released in 2022, GPT-4 was released in 2023.", "GPT-4 was released in 2022."),
    ("Falcon has 40 billion parameters, BLOOM has 176 billion parameters.", "Falcon has 176 billion parameters."),
    ("Germany won 3 medals and France won 5 medals.", "France won 3 medals."),
]
ROLES = [
    ("Google acquired DeepMind in 2014.", "DeepMind acquired Google in 2014."),
    ("Google acquired DeepMind in 2014.", "Google was acquired by DeepMind in 2014."),
    ("DeepMind was bought by Google.", "DeepMind bought Google."),
    ("Microsoft funded OpenAI.", "OpenAI funded Microsoft."),
    ("Mixtral clearly beats GPT-3.5 on most tests.", "GPT-3.5 beats Mixtral on most tests."),
    ("Mixtral is better than LLaMA 2.", "LLaMA 2 is better than Mixtral."),
    ("Yann LeCun taught Arthur Mensch.", "Arthur Mensch taught Yann LeCun."),
    ("Mistral made Mixtral, which needs 90 GB and beats LLaMA 2.", "LLaMA 2 beats Mixtral."),
    ("Mistral released Mixtral, which beats LLaMA 2.", "Mixtral was released by LLaMA 2."),
    ("Mistral released Mixtral after Meta.", "Meta released Mixtral."),
]
COPIES = [
    (
        "In 2022 OpenAI hired 40 people, in 2023 it hired 90 people.",
        "In 2023 OpenAI hired 40 people, in 2022 it hired 90.",
    ),
    ("The plan of Ann was read by the staff of Bob.", "The plan of Bob was read by the staff of Ann."),
    ("The first talk was after the lunch.", "The first talk was before the lunch."),
    ("The new licence came with no limits in any country.", "The new licence came with limits in any country."),
]


@pytest.mark.parametrize(("source", "lie"), [*NEGATED, *BOUNDS, *OPPOSITES, *NUMBERS, *ROLES, *COPIES])
def test_contradictions_are_found(source: str, lie: str) -> None:
    assert find_contradiction(lie, [source])
    assert find_contradiction(source, [source]) == ""


@pytest.mark.parametrize(
    ("source", "paraphrase"),
    [
        ("Google acquired DeepMind.", "DeepMind was acquired by Google."),
        ("Google and DeepMind released Gemini and Gemma.", "Google released Gemma."),
        ("A lab of Paris released Mixtral. Mistral is that lab.", "Mistral released Mixtral."),
        ("Mistral, a company of Paris, released Mixtral.", "Mistral released Mixtral."),
        ("Arthur Mensch founded Mistral.", "Mensch founded Mistral."),
        ("DeepMind was acquired by Google in 2014.", "In 2014 Google acquired DeepMind."),
        ("Mistral released the model Mixtral.", "Mixtral is a model that Mistral released."),
        ("Mixtral is faster than LLaMA 2.", "LLaMA 2 is slower than Mixtral."),
        ("It needs more than 8 GB.", "It needs over 8 GB."),
        ("It needs more than 8 GB.", "It needs at least 8 GB."),
        ("It needs no less than 8 GB.", "It needs at least 8 GB."),
        ("It needs at least 8 GB.", "It needs 8 GB or more."),
        ("The weights are closed.", "The weights are not open."),
        ("It runs without a GPU.", "It does not need a GPU."),
        ("It was not released in 2023 but in 2024.", "It was released in 2024."),
        ("It was not released until 2024.", "It was released in 2024."),
        ("It is not only fast but also small.", "It is fast and small."),
        ("The court rejected the plan.", "The court did not accept the plan."),
        ("LLaMA has no open weights. Mixtral has open weights.", "Mixtral has open weights."),
        ("LLaMA and Falcon came out in February and June 2023.", "LLaMA came out in February 2023."),
        ("In 2022 OpenAI released ChatGPT, and in 2023 GPT-4.", "OpenAI released GPT-4 in 2023."),
        ("It has 70 billion parameters.", "It has 70 billion trained parameters."),
        ("Mixtral 8x7B has 47 billion parameters.", "Mixtral has 47B parameters."),
        ("The No. 5 car won the race.", "The No. 5 car won."),
        ("Meta, Google and Apple released models in 2023.", "Apple, Meta and Google released models in 2023."),
        ("On December 11th, 2023 Mistral released it.", "On 11 December 2023 Mistral released it."),
    ],
)
def test_paraphrases_are_no_contradiction(source: str, paraphrase: str) -> None:
    assert find_contradiction(paraphrase, [source]) == ""


def test_the_reason_names_what_is_wrong() -> None:
    assert find_contradiction("A B is not open.", ["A B is open."]) == "“not” is not in what it cites"
    assert find_contradiction("Over 8 GB.", ["Up to 8 GB."]) == "what it cites does not say “> 8”"
    assert find_contradiction("Paris beat Lyon.", ["Lyon beat Paris."]) == (
        "what it cites says “beat” the other way round"
    )


def test_one_source_that_says_so_is_enough() -> None:
    assert find_contradiction("LLaMA is open.", ["LLaMA is not open.", "Since July LLaMA is open."]) == ""


def test_no_sources_contradict_nothing_that_is_affirmed() -> None:
    assert find_contradiction("LLaMA is open.", []) == ""
