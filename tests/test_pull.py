"""Pulling from a hub on loopback: resumed, verified, and never half a file under a whole one's name."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import huggingface_hub
import pytest
from filelock import FileLock
from hub import Hub
from huggingface_hub import constants

from askllama.config import ModelSpec, load_settings
from askllama.errors import ModelError
from askllama.models import pull as pulling
from askllama.models.notes import recall
from askllama.models.pull import remove

FILE = "tiny-Q4_K_M.gguf"
DATA = b"GGUF" + random.Random(7).randbytes(5_000_000)
SHA256 = hashlib.sha256(DATA).hexdigest()
Run = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub({FILE: DATA}) as hub:
        hub.run()
        monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
        template = hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(pulling, "_PAUSE", 0.0)
        monkeypatch.setenv("NO_PROXY", "*")
        huggingface_hub.close_session()
        yield hub
        huggingface_hub.close_session()
        hub.shutdown()


@pytest.fixture
def spec() -> ModelSpec:
    known = next(iter(load_settings(environ={}).models.values()))
    return replace(known, name="tiny", repository="owner/model-GGUF", file=FILE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def askllama(hub: Hub, tmp_path: Path) -> Run:
    """The command, with the hub as its hub and ``tiny`` in the user's models.toml."""
    entry = (Path(__file__).parents[1] / "models.toml").read_text().split("\n[")[1].split("]\n", 1)[1]
    lines = [line for line in entry.splitlines() if not line.startswith(("repository", "file"))]
    lines += ['repository = "owner/model-GGUF"', f'file = "{FILE}"']
    (tmp_path / "models.toml").write_text("\n".join(["[tiny]", *lines]))
    (tmp_path / "config.toml").write_text("# mine\npassages = 3 # three\n")
    variables = {"HF_ENDPOINT": hub.endpoint, "NO_PROXY": "*", "ASKLLAMA_DATA": str(tmp_path)}
    variables["ASKLLAMA_CONFIG"] = str(tmp_path / "config.toml")

    def run(*args: str) -> subprocess.Popen[str]:
        command = [sys.executable, *(args if args[0] == "-c" else ("-m", "askllama", "models", *args))]
        return subprocess.Popen(
            command,
            env=os.environ | variables,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return run


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading the encoder puts a process offline; earlier tests may have done that in this one."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")


def quiet(here: int, size: int) -> None:
    """Nobody looks at the progress."""


def pull(spec: ModelSpec, folder: Path, progress: Callable[[int, int], object]) -> Path:
    return pulling.pull(spec, folder, folder.parent / "cache", progress)


def contents(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.suffix != ".lock"}


def test_a_file_comes_with_its_hash_and_is_not_fetched_twice(
    hub: Hub, spec: ModelSpec, folder: Path, tmp_path: Path
) -> None:
    seen: list[tuple[int, int]] = []
    path = pull(spec, folder, lambda here, size: seen.append((here, size)))
    assert path == folder / FILE
    assert path.read_bytes() == DATA
    assert recall(path, tmp_path / "cache")["sha256"] == SHA256
    assert (folder / f"{FILE}.sha256").read_text() == f"{SHA256}  {FILE}\n"
    assert contents(folder) == {FILE, f"{FILE}.sha256"}
    assert [size for _, size in seen] == [len(DATA)] * len(seen)
    assert [here for here, _ in seen] == sorted(here for here, _ in seen)
    assert seen[-1][0] == len(DATA)
    assert pull(spec, folder, quiet) == path
    assert [method for method, _ in hub.asked].count("GET") == 1


def test_it_goes_on_where_it_was(hub: Hub, spec: ModelSpec, folder: Path) -> None:
    folder.mkdir()
    (folder / f"{FILE}.part").write_bytes(DATA[:3_000_000])
    assert pull(spec, folder, quiet).read_bytes() == DATA
    assert hub.asked[-1] == ("GET", "bytes=3000000-")


def test_a_hub_that_ignores_range_is_taken_from_the_beginning(hub: Hub, spec: ModelSpec, folder: Path) -> None:
    hub.ignores_range = True
    folder.mkdir()
    (folder / f"{FILE}.part").write_bytes(DATA[:3_000_000])
    assert pull(spec, folder, quiet).read_bytes() == DATA
    assert [method for method, _ in hub.asked].count("GET") == 1


@pytest.mark.parametrize("sizeless", [False, True])
def test_a_hub_that_breaks_off_is_asked_for_the_rest(hub: Hub, spec: ModelSpec, folder: Path, sizeless: bool) -> None:
    hub.sizeless = sizeless
    hub.breaks = [1_500_000, 0, 2_000_000]
    assert pull(spec, folder, quiet).read_bytes() == DATA
    assert [method for method, _ in hub.asked].count("GET") == 4


def test_a_hub_that_gets_no_further_is_given_up_and_the_part_kept(hub: Hub, spec: ModelSpec, folder: Path) -> None:
    hub.breaks = [1_500_000, *[0] * 100]
    with pytest.raises(ModelError, match="does not deliver"):
        pull(spec, folder, quiet)
    assert len(hub.breaks) > 90
    assert contents(folder) == {f"{FILE}.part"}
    kept = (folder / f"{FILE}.part").read_bytes()
    assert kept
    assert DATA.startswith(kept)


def test_a_hub_that_ignores_range_and_breaks_off_is_given_up(hub: Hub, spec: ModelSpec, folder: Path) -> None:
    hub.ignores_range = True
    hub.breaks = [1_500_000] * 100
    with pytest.raises(ModelError, match="does not deliver"):
        pull(spec, folder, quiet)
    assert len(hub.breaks) > 90


@pytest.mark.parametrize("sizeless", [False, True])
def test_a_file_longer_than_announced_is_given_up(hub: Hub, spec: ModelSpec, folder: Path, sizeless: bool) -> None:
    hub.extra, hub.sizeless = b"more" * 1_000_000, sizeless
    with pytest.raises(ModelError, match="longer than announced"):
        pull(spec, folder, quiet)
    assert FILE not in contents(folder)


def test_a_wrong_hash_leaves_nothing_that_could_be_loaded(hub: Hub, spec: ModelSpec, folder: Path) -> None:
    hub.announced = "0" * 64
    with pytest.raises(ModelError, match="not what the hub announced"):
        pull(spec, folder, quiet)
    assert contents(folder) == set()


def test_a_hub_that_refuses_the_range_is_asked_for_all(hub: Hub, spec: ModelSpec, folder: Path) -> None:
    hub.refuses_range = True
    folder.mkdir()
    (folder / f"{FILE}.part").write_bytes(DATA[:3_000_000])
    assert pull(spec, folder, quiet).read_bytes() == DATA


def test_an_error_in_between_costs_nothing_that_is_here(hub: Hub, spec: ModelSpec, folder: Path) -> None:
    hub.unavailable = 2
    folder.mkdir()
    (folder / f"{FILE}.part").write_bytes(DATA[:3_000_000])
    assert pull(spec, folder, quiet).read_bytes() == DATA
    assert {asked for method, asked in hub.asked if method == "GET"} == {"bytes=3000000-"}


@pytest.mark.parametrize("size", [3_000_000, len(DATA), len(DATA) + 5])
def test_what_lay_there_before_is_verified_too(hub: Hub, spec: ModelSpec, folder: Path, size: int) -> None:
    folder.mkdir()
    (folder / f"{FILE}.part").write_bytes(bytes(size))
    if size <= len(DATA):
        with pytest.raises(ModelError, match="not what the hub announced"):
            pull(spec, folder, quiet)
        assert contents(folder) == set()
    assert pull(spec, folder, quiet).read_bytes() == DATA


def test_a_file_of_the_users_is_neither_used_nor_overwritten(hub: Hub, spec: ModelSpec, folder: Path) -> None:
    folder.mkdir()
    (folder / FILE).write_bytes(b"mine")
    with pytest.raises(ModelError, match="is not the file that the hub has"):
        pull(spec, folder, quiet)
    assert (folder / FILE).read_bytes() == b"mine"
    with pytest.raises(ModelError, match="did not pull"):
        remove(spec, folder)
    (folder / FILE).write_bytes(DATA)
    assert pull(spec, folder, quiet) == folder / FILE
    with pytest.raises(ModelError, match="did not pull"):
        remove(spec, folder)


def test_credentials_do_not_follow_to_another_host(
    hub: Hub, spec: ModelSpec, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    hub.redirects = True
    assert pull(spec, folder, quiet).read_bytes() == DATA
    assert [(host.split(":")[0], token) for host, token in hub.hosts] == [("localhost", None)]


def test_a_model_in_parts_comes_whole(hub: Hub, spec: ModelSpec, folder: Path) -> None:
    names = [f"big-0000{n}-of-00002.gguf" for n in (1, 2)]
    hub.files = dict(zip(names, (DATA, DATA[:1000]), strict=True))
    seen: list[tuple[int, int]] = []
    assert pull(replace(spec, file=names[0]), folder, lambda *p: seen.append(p)) == folder / names[0]
    assert [(folder / name).read_bytes() for name in names] == [DATA, DATA[:1000]]
    assert seen[-1] == (len(DATA) + 1000, len(DATA) + 1000)
    remove(replace(spec, file=names[0]), folder)
    assert contents(folder) == set()


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (404, "EntryNotFound", "the hub has no owner/model-GGUF"),
        (404, "RepoNotFound", "the hub has no owner/model-GGUF"),
        (403, "GatedRepo", "accept its licence"),
        (500, "", "does not deliver"),
    ],
)
def test_what_the_hub_answers_is_said(
    hub: Hub, spec: ModelSpec, folder: Path, status: int, code: str, message: str
) -> None:
    hub.error = status, code
    with pytest.raises(ModelError, match=message):
        pull(spec, folder, quiet)
    assert contents(folder) == set()


def test_a_hub_without_a_hash_is_not_trusted(hub: Hub, spec: ModelSpec, folder: Path) -> None:
    hub.announced = "no hash"
    with pytest.raises(ModelError, match="names no size and sha256"):
        pull(spec, folder, quiet)


def test_no_network_is_an_error_with_a_way_out(
    hub: Hub, spec: ModelSpec, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.shutdown()
    hub.server_close()
    with pytest.raises(ModelError, match="cannot be reached") as caught:
        pull(spec, folder, quiet)
    assert "-m FILE.gguf" in caught.value.hint
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE"):
        pull(spec, folder, quiet)


def test_a_full_disk_is_found_out_before(
    hub: Hub, spec: ModelSpec, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(9, 9, 3_000_000))
    with pytest.raises(ModelError, match="are needed in"):
        pull(spec, folder, quiet)
    assert [method for method, _ in hub.asked] == ["HEAD"]
    (folder / f"{FILE}.part").write_bytes(DATA[:4_000_000])
    assert pull(spec, folder, quiet).read_bytes() == DATA


def test_two_pulls_do_not_write_one_part(hub: Hub, spec: ModelSpec, folder: Path) -> None:
    folder.mkdir()
    with FileLock(folder / f"{FILE}.lock"), pytest.raises(ModelError, match="being pulled already"):
        pull(spec, folder, quiet)
    assert hub.asked == []


def test_what_nobody_may_pass_on_is_not_pulled(spec: ModelSpec, folder: Path) -> None:
    with pytest.raises(ModelError, match="cannot be pulled: leaked"):
        pull(replace(spec, repository="", note="leaked"), folder, quiet)


def test_kill_9_while_it_comes_loses_nothing(hub: Hub, askllama: Run, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    part = folder / f"{FILE}.part"
    for byte, kept in ((0, 0), (1, 0), (3_500_000, 2_000_000), (len(DATA) - 70_000, 4_000_000)):
        started: list[int] = []
        hub.kill_at(byte, started, part, kept)
        running = askllama("pull", "tiny")
        started.append(running.pid)
        running.communicate()
        assert running.returncode == -9
        assert FILE not in contents(folder), byte
        assert DATA.startswith(part.read_bytes())
    hub.before_byte = lambda _: None
    out, err = askllama("pull", "tiny").communicate()
    assert (out, err) == (f"{folder / FILE}\n", "")
    assert (folder / FILE).read_bytes() == DATA
    assert hub.asked[-1][1].startswith("bytes=4")


@pytest.mark.parametrize("moment", ["pulling.os.fsync", "pulling.hash_file", "Path.write_text", "Path.replace"])
def test_kill_9_at_the_end_loses_nothing(hub: Hub, askllama: Run, tmp_path: Path, moment: str) -> None:
    script = (
        "import os; from pathlib import Path\n"
        "from askllama.cli import main; from askllama.models import pull as pulling\n"
        f"{moment} = lambda *_, **__: os.kill(os.getpid(), 9)\n"
        "main(['models', 'pull', 'tiny'])"
    )
    running = askllama("-c", script)
    running.communicate()
    assert running.returncode == -9
    folder = tmp_path / "models"
    assert FILE not in contents(folder)
    spec = load_settings(environ={"ASKLLAMA_CONFIG": str(tmp_path / "config.toml")}).models["tiny"]
    assert pull(spec, folder, quiet).read_bytes() == DATA
    assert [method for method, _ in hub.asked].count("GET") == 1


def test_the_commands_around_a_pull(hub: Hub, askllama: Run, tmp_path: Path) -> None:
    def run(*args: str) -> tuple[int, str, str]:
        running = askllama(*args)
        out, err = running.communicate()
        assert "Traceback" not in err
        return running.returncode, out, err

    config = tmp_path / "config.toml"
    status, _, err = run("default", "tiny")
    assert status == 2
    assert "askllama models pull tiny" in err
    assert run("pull", "TINY")[0] == 0
    assert run("list")[1].splitlines()[-3].startswith("*  tiny")
    assert str(tmp_path / "models" / FILE) in run("show", "tiny")[1]
    assert run("default", "tiny")[0] == 0
    assert config.read_text() == '# mine\npassages = 3 # three\nmodel = "tiny"\n'
    assert run("default")[1] == "tiny\n"
    assert run("default", "none")[0] == 0
    assert config.read_text() == "# mine\npassages = 3 # three\n"
    status, _, err = run("rm", "tiny")
    assert status == 2
    assert "rm --yes tiny" in err
    assert run("rm", "--yes", "tiny")[0] == 0
    assert contents(tmp_path / "models") == set()
    assert run("rm", "--yes", "tiny")[0] == 2
