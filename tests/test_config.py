from __future__ import annotations

import os
from pathlib import Path

import pytest

from askllama.config import load_settings, read_models, save_model
from askllama.errors import ConfigError

ROOT = Path(__file__).parents[1]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def test_defaults_are_the_built_in_corpus_and_no_generator() -> None:
    settings = load_settings(environ={})
    assert settings.corpus == (ROOT / "corpus",)
    assert settings.model is None
    assert len(settings.models) >= 12


def test_flags_beat_environment_beats_file(config: Path) -> None:
    config.write_text('passages = 3\nthreads = 1\nmodel = "file"\ncorpus = ["docs"]\n')
    environ = {"ASKLLAMA_CONFIG": str(config), "ASKLLAMA_PASSAGES": "4", "ASKLLAMA_MODEL": "environment"}
    settings = load_settings({"model": "flag", "passages": None}, environ)
    assert (settings.threads, settings.passages, settings.model) == (1, 4, "flag")
    assert settings.corpus == (config.parent / "docs",)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("passages = inf", "passages = inf", ""),
        ('corpus = [""]', "a path is empty", ""),
        ("pasages = 3", "unknown key 'pasages'", "did you mean 'passages'?"),
        ("passages = 0", "at least 1", ""),
        ('passages = "many"', "passages", ""),
        ("threshold = 2", "from 0 to 1", ""),
        ("model = 3", "non-empty text", ""),
        ("corpus = []", "at least one folder", ""),
        ("= broken", "config.toml", "mend or remove"),
        ("models = 1", "unknown key 'models'", ""),
    ],
)
def test_mistakes_are_named(config: Path, text: str, message: str, hint: str) -> None:
    config.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_settings(environ={"ASKLLAMA_CONFIG": str(config)})
    assert hint in caught.value.hint


def test_a_wrong_variable_or_flag_is_named() -> None:
    with pytest.raises(ConfigError, match="environment: passages = 'x'"):
        load_settings(environ={"ASKLLAMA_PASSAGES": "x"})
    with pytest.raises(ConfigError, match="command line: passages = 0"):
        load_settings({"passages": 0}, environ={})


def test_threads_are_no_more_than_processors_and_tilde_is_home_or_itself() -> None:
    settings = load_settings({"threads": 100_000, "corpus": ["~nosuchuser/x"]}, environ={})
    assert settings.threads <= (os.cpu_count() or 1)
    assert settings.corpus == (Path.cwd() / "~nosuchuser" / "x",)


def test_a_settings_file_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load_settings(environ={"ASKLLAMA_CONFIG": str(tmp_path / "gone.toml")})


def test_own_models_are_added(config: Path) -> None:
    entry = (ROOT / "models.toml").read_text().split("\n[")[1]
    body = entry.split("]\n", 1)[1]
    config.write_text("")
    (config.parent / "models.toml").write_text(f"[mine]\n{body}")
    settings = load_settings(environ={"ASKLLAMA_CONFIG": str(config)})
    assert settings.models["mine"].name == "mine"


@pytest.mark.parametrize(
    ("text", "message"),
    [("[m]\nfile = 'x'", "lacks architecture"), ("m = 1", "not a table"), ("[m]\nfiel = 'x'", "unknown key 'fiel'")],
)
def test_a_models_file_is_checked(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "models.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_models(path)


def test_a_model_of_the_wrong_type_is_named(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text((ROOT / "models.toml").read_text().replace("size = ", 'size = "big" # ', 1))
    with pytest.raises(ConfigError, match="size = 'big' is not valid"):
        read_models(path)


def test_a_model_needs_no_repository_and_no_note_and_truth_is_no_number(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    lines = (ROOT / "models.toml").read_text().split("\n[")[1].splitlines()
    kept = [line for line in lines if not line.startswith(("repository", "note"))]
    path.write_text("\n".join(["[" + kept[0], *kept[1:]]))
    (spec,) = read_models(path).values()
    assert (spec.repository, spec.note) == ("", "")
    path.write_text(path.read_text().replace("size = ", "size = true # "))
    with pytest.raises(ConfigError, match="size = True is not valid"):
        read_models(path)


def test_the_default_model_is_written_and_nothing_else_is_touched(config: Path, tmp_path: Path) -> None:
    environ = {"ASKLLAMA_CONFIG": str(tmp_path / "link.toml")}
    (tmp_path / "link.toml").symlink_to(config)
    before = '# how I like it\npassages = 3  # three\n\ncorpus = [\n  "docs",  # mine\n]\n'
    config.write_text(before)
    for name in ("tinyllama", 'a "quoted" name'):
        assert save_model(name, environ) == tmp_path / "link.toml"
        assert load_settings(environ=environ).model == name
    assert config.read_text().startswith(before)
    save_model(None, environ)
    save_model(None, environ)
    assert config.read_text() == before
    assert (tmp_path / "link.toml").is_symlink()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.toml", "link.toml"]


def test_the_default_model_makes_a_settings_file_but_mends_none(tmp_path: Path) -> None:
    new = tmp_path / "deep" / "config.toml"
    save_model("phi-2", {"ASKLLAMA_CONFIG": str(new)})
    assert new.read_text() == 'model = "phi-2"\n'
    new.write_text("model = [")
    with pytest.raises(ConfigError, match=r"config\.toml"):
        save_model("phi-2", {"ASKLLAMA_CONFIG": str(new)})
    assert new.read_text() == "model = ["
