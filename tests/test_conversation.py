"""Follow-ups, one line each: what was asked, what was answered, what is asked now, what that means."""

import pytest

from askllama.conversation import Turn, accept, resolve

LAUNCH = "when did Mixtral launch?"
RELEASED = "when was Mixtral released?"
LEAD = "Who is the Machine Learning Lead at Zefort?"


@pytest.mark.parametrize(
    ("last", "answer", "question", "full"),
    [
        # The topic in place of a pronoun.
        (LAUNCH, "December 11th, 2023 [1]", "and who made it?", "who made Mixtral?"),
        (LAUNCH, "December 11th, 2023 [1]", "And how big is it", "how big is Mixtral?"),
        (RELEASED, "", "what is its licence?", "what is Mixtral's licence?"),
        (RELEASED, "", "and its licence?", "Mixtral's licence?"),
        (RELEASED, "", "What is IT built on?", "What is Mixtral built on?"),
        (RELEASED, "", "who made this one?", "who made Mixtral?"),
        (RELEASED, "", "who made that model?", "who made Mixtral?"),
        (RELEASED, "", "who released that?", "who released Mixtral?"),
        (RELEASED, "", "is that open source?", "is Mixtral open source?"),
        ("what are LLMs?", "", "who uses them?", "who uses LLMs?"),
        ("what are LLMs?", "", "what are their limits?", "what are LLMs' limits?"),
        ("When did Meta release LLaMA 2?", "", "how large is it?", "how large is LLaMA 2?"),
        ("Who released LLaMA in February 2023?", "Meta [1]", "what is it?", "what is LLaMA?"),
        ("Is Mixtral better than GPT-3.5 Turbo?", "", "who made it?", "who made Mixtral?"),
        ("What is Mixtral's MMLU score?", "", "is it open?", "is Mixtral open?"),
        ("Does Mixtral use MoE?", "", "who made it?", "who made Mixtral?"),
        ("When did Mistral AI release Mixtral?", "", "how large is it?", "how large is Mixtral?"),
        ("Who is the CEO of Mistral AI?", "", "what does it make?", "what does Mistral AI make?"),
        ("When did Ek join the University of Turku?", "", "who works there?", "who works at University of Turku?"),
        ("who wrote The Rise of Local LLMs?", "", "when was it written?", "when was Rise of Local LLMs written?"),
        ("Describe Mixtral.", "", "who made it?", "who made Mixtral?"),
        # No name in the last question: what it asked for, or its content words.
        ("what is the largest open model?", "Falcon 180B [1]", "who made it?", "who made Falcon 180B?"),
        ("who made mixtral?", "Mistral AI [1]", "when was it released?", "when was mixtral released?"),
        ("what is the licence of mixtral?", "Apache 2.0 [1]", "who made it?", "who made mixtral?"),
        ("what is a local llama?", "", "why does it matter?", "why does local llama matter?"),
        # People, groups and places that answered.
        (LEAD, "Samuel Rönnqvist [1][2]", "where did he study?", "where did Samuel Rönnqvist study?"),
        (LEAD, "Samuel Rönnqvist [1]", "and what is his field?", "what is Samuel Rönnqvist's field?"),
        (LEAD, "The lead is Anna Ek [1].", "who hired her?", "who hired Anna Ek?"),
        (LEAD, "Ek [1]", "is she Finnish?", "is Ek Finnish?"),
        ("who leads ML there?", "Anna Ek [1]", "what is her field?", "what is Anna Ek's field?"),
        ("When did Anna Ek join Zefort?", "2019 [1]", "is she Finnish?", "is Anna Ek Finnish?"),
        ("who made Mixtral?", "Mistral AI [1]", "what else did they make?", "what else did Mistral AI make?"),
        ("where does Anna Ek build AI?", "at Zefort [1]", "who leads ML there?", "who leads ML at Zefort?"),
        (LEAD, "Samuel Rönnqvist [1]", "what is made there?", "what is made at Zefort?"),
        # Another topic in the same question.
        (RELEASED, "", "and Falcon?", "when was Falcon released?"),
        (RELEASED, "", "what about Falcon?", "when was Falcon released?"),
        (RELEASED, "", "And how about LLaMA 2?", "when was LLaMA 2 released?"),
        (RELEASED, "", "and for Falcon?", "when was Falcon released?"),
        ("when was mixtral released", "", "and falcon", "when was falcon released?"),
        ("What is Mixtral's licence?", "", "and Falcon?", "What is Falcon's licence?"),
        ("who made the encoder?", "", "and the reader?", "who made the reader?"),
        ("When did Mistral AI release Mixtral?", "", "and Falcon?", "When did Mistral AI release Falcon?"),
        ("Who is the CEO of Mistral AI?", "", "and Meta?", "Who is the CEO of Meta?"),
        (LEAD, "", "and the CEO?", "Who is the CEO at Zefort?"),
        (RELEASED, "", "and the licence?", "the licence of Mixtral?"),
        ("which models came out in 2023?", "", "and in 2024?", "which models came out in 2024?"),
        ("which models came out?", "", "and in 2024?", "which models came out in 2024?"),
        ("what is the licence of Mixtral?", "", "and of Falcon?", "what is the licence of Falcon?"),
        # The same topic, with the rest left out.
        (RELEASED, "", "how many parameters?", "how many parameters for Mixtral?"),
        (RELEASED, "", "and which licence?", "which licence for Mixtral?"),
        # One word.
        (LAUNCH, "", "why?", "why did Mixtral launch?"),
        (RELEASED, "", "But why?", "why was Mixtral released?"),
        ("was Mixtral released?", "", "when?", "when was Mixtral released?"),
        ("who made Mixtral?", "Mistral AI [1]", "why?", "why Mistral AI made Mixtral?"),
        ("who made Mixtral?", "", "why?", "why Mixtral?"),
        ("which company made Mixtral?", "Mistral AI [1]", "why?", "why company made Mixtral?"),
        (LEAD, "Anna Ek [1]", "why is that?", "why is Anna Ek the Machine Learning Lead at Zefort?"),
        ("how many parameters does DBRX have?", "", "why so?", "why does DBRX have many parameters?"),
        ("GPT-4 release date", "", "why?", "why GPT-4 release date?"),
    ],
)
def test_follow_up(last: str, answer: str, question: str, full: str) -> None:
    assert resolve(question, [Turn("who made GPT-4?", "OpenAI [1]"), Turn(last, answer)]) == full


@pytest.mark.parametrize(
    "question",
    [
        "who made Falcon?",
        "GPT-4 release date",
        "what is gradient descent?",
        "What did Meta say when it released LLaMA 2?",
        "When did Mistral release its first model?",
        "is it true that Falcon is open?",
        "is there a model that runs on a phone?",
        "which models are there in the list of models that run locally?",
        "how many parameters does the 70B model have",
        "  ",
        "and?",
    ],
)
def test_question_that_stands_alone_is_left_alone(question: str) -> None:
    assert resolve(question, [Turn(RELEASED, "December 2023 [1]")]) == question


def test_name_of_its_own_stays_beside_a_pronoun_that_is_set_against_it() -> None:
    assert resolve("is Falcon better than it?", [Turn(RELEASED, "")]) == "is Falcon better than Mixtral?"


def test_first_question_is_left_alone() -> None:
    assert resolve("and who made it?", []) == "and who made it?"


def test_topic_survives_several_turns() -> None:
    turns: list[Turn] = []
    for question in (LAUNCH, "and who made it?", "why?", "and Falcon?"):
        turns.append(Turn(resolve(question, turns), "Mistral AI [1]"))
    assert [turn.question for turn in turns] == [
        LAUNCH,
        "who made Mixtral?",
        "why Mistral AI made Mixtral?",
        "why Mistral AI made Falcon?",
    ]


SAID = [Turn(LAUNCH, "Mistral released Mixtral on December 11th, 2023 [1].")]


@pytest.mark.parametrize(
    ("pieces", "question", "full"),
    [
        (["Who", " made ", "Mixtral", "?"], "and who made it?", "Who made Mixtral?"),
        (['"Who made the ', 'Mixtral of Mistral?"\n', "Mistral."], "who made it?", "Who made the Mixtral of Mistral?"),
        (["What is Mixtral's licence"], "what is its licence?", "What is Mixtral's licence?"),
        (["Who made Falcon?"], "who made it?", ""),
        (["Who released Mixtral?"], "who made it?", ""),
        (["Who made it?"], "who made it?", ""),
        (["Mixtral is a mixture of experts. Who made it?"], "who made it?", ""),
        ([], "who made it?", ""),
    ],
)
def test_a_models_wording_may_only_repeat_what_was_said(pieces: list[str], question: str, full: str) -> None:
    assert accept(iter(pieces), question, SAID) == full


def test_a_model_is_not_heard_beyond_a_word_of_its_own() -> None:
    pieces = iter(["Who made ", "Falcon ", "and ", "why?"])
    assert accept(pieces, "who made it?", SAID) == ""
    assert list(pieces) == ["why?"]
