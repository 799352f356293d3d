"""Models of other programs, found where they lie, and the generator that a name stands for."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import gguf
import pytest
from scripted import write_scripted

from askllama.config import Settings, load_settings
from askllama.errors import ModelError
from askllama.models.discover import scan
from askllama.models.registry import find_generator

DIGEST = "ab" * 32
QWEN = "qwen2.5-0.5b-instruct"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scripted") / "model.gguf"
    write_scripted(path, "AWQ stands for Activation-aware Weight Quantization [1].")
    return path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    stores = (("ollama", tmp_path / "ollama"), ("lmstudio", tmp_path / "lm"), ("hub", tmp_path / "hub"))
    return replace(load_settings(environ={}), data=tmp_path / "data", stores=stores)


def put(model: Path, place: Path) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    os.link(model, place)
    return place


def write_header(path: Path, architecture: str, tensors: bool = True, **metadata: int | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(path, architecture)
    for key, value in metadata.items():
        name = f"general.{key}" if key == "type" else f"{architecture}.{key}"
        writer.add_string(name, value) if isinstance(value, str) else writer.add_uint32(name, value)
    writer.add_array("general.tags", ["text", "generation"])
    writer.add_token_list(["a", "b"])
    if tensors:
        import numpy as np

        writer.add_tensor("output.weight", np.zeros((2, 32), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_manifest(root: Path, place: str, digest: str) -> None:
    path = root / "manifests" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    layers = [
        {"mediaType": "application/vnd.ollama.image.template", "digest": f"sha256:{'0' * 64}"},
        {"mediaType": "application/vnd.ollama.image.model", "digest": digest},
    ]
    path.write_text(json.dumps({"schemaVersion": 2, "layers": layers}))


def test_ollamas_manifests_lead_to_the_blobs(tmp_path: Path, model: Path) -> None:
    blob = put(model, tmp_path / "blobs" / f"sha256-{DIGEST}")
    write_manifest(tmp_path, "registry.example/library/llama3.2/3b", f"sha256:{DIGEST}")
    write_manifest(tmp_path, "hub.example/someone/tuned/latest", f"sha256:{DIGEST}")
    found = scan([("ollama", tmp_path)])
    assert {m.name: m.path for m in found} == {"ollama/llama3.2:3b": blob, "ollama/someone/tuned:latest": blob}
    assert found[0].size == model.stat().st_size
    assert found[0].architecture == "llama"


@pytest.mark.parametrize(
    "manifest",
    [
        "{",
        "[]",
        "3",
        '{"layers": 3}',
        '{"layers": [3]}',
        '{"layers": [{"mediaType": "application/vnd.ollama.image.model"}]}',
        '{"layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": 3}]}',
        '{"layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:../../secret"}]}',
        '{"layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:' + "0" * 64 + '"}]}',
        "[" * 100_000,
        '{"layers": [{"mediaType": "application/vnd.ollama.image.projector", "digest": "sha256:' + DIGEST + '"}]}',
    ],
)
def test_hostile_manifests_are_passed_over(tmp_path: Path, model: Path, manifest: str) -> None:
    put(model, tmp_path / "blobs" / f"sha256-{DIGEST}")
    put(model, tmp_path / "secret")
    path = tmp_path / "manifests" / "host" / "library" / "evil" / "latest"
    path.parent.mkdir(parents=True)
    path.write_text(manifest)
    (path.parent / "bytes").write_bytes(b"\xff\xfe\x00")
    assert scan([("ollama", tmp_path)]) == []


def test_the_hubs_cache_is_read_through_its_links(tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "models--owner--some-model"
    blob = put(model, folder / "blobs" / DIGEST)
    put(model, folder / "blobs" / f"{DIGEST}.incomplete")
    for revision in ("aaaa", "bbbb"):
        link = folder / "snapshots" / revision / "some-model-Q4_K_M.gguf"
        link.parent.mkdir(parents=True)
        link.symlink_to(f"../../blobs/{DIGEST}")
    (found,) = scan([("hub", tmp_path)])
    assert found.name == "hub/some-model-Q4_K_M"
    assert found.path.resolve() == blob


def test_only_whole_generators_are_offered(tmp_path: Path, model: Path) -> None:
    lm = tmp_path / "publisher" / "repository"
    put(model, lm / "chat-Q4_K_M.gguf")
    put(model, lm / "incomplete-chat2.gguf")
    put(model, lm / "download.gguf.part")
    for number in (1, 2, 3):
        put(model, lm / f"big-0000{number}-of-00003.gguf")
    for number in (1, 3):
        put(model, lm / f"torn-0000{number}-of-00003.gguf")
    write_header(lm / "mmproj-chat.gguf", "clip")
    write_header(lm / "projector.gguf", "llama", type="mmproj")
    write_header(lm / "adapter.gguf", "llama", type="adapter")
    write_header(lm / "bert.gguf", "nomic-bert")
    write_header(lm / "embeds.gguf", "qwen3", pooling_type=3)
    write_header(lm / "vocabulary.gguf", "llama", tensors=False)
    write_header(lm / "plain.gguf", "qwen3", type="model", pooling_type=0)
    found = {m.name: m for m in scan([("lmstudio", tmp_path)])}
    assert sorted(found) == ["lmstudio/big", "lmstudio/chat-Q4_K_M", "lmstudio/plain"]
    assert found["lmstudio/big"].path.name == "big-00001-of-00003.gguf"
    assert found["lmstudio/big"].size == 3 * model.stat().st_size


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GGUF",
        b"PK\x03\x04" + bytes(100),
        b"GGUF" + struct.pack("<IQQ", 1, 1, 1) + bytes(64),
        b"GGUF" + struct.pack("<IQQ", 3, 1, 2**63) + bytes(64),
        b"GGUF" + struct.pack("<IQQQ", 3, 1, 1, 2**62),
        b"GGUF" + struct.pack("<IQQQ", 3, 1, 1, 1) + b"k" + struct.pack("<IIQ", 9, 9, 2**60) * 500,
        b"GGUF" + struct.pack("<IQQQ", 3, 1, 1, 1) + b"k" + struct.pack("<II", 77, 0),
        b"GGUF" + struct.pack("<IQQQ", 3, 1, 1, 20) + b"general.architecture" + struct.pack("<II", 4, 0),
    ],
)
def test_damaged_headers_are_passed_over(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.gguf").write_bytes(content)
    assert scan([("gpt4all", tmp_path)]) == []


def test_folders_that_are_missing_or_strange_are_passed_over(tmp_path: Path, model: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.gguf")
    (tmp_path / "folder.gguf").mkdir()
    (tmp_path / "gone.gguf").symlink_to(tmp_path / "nowhere")
    put(model, tmp_path / "real.gguf")
    assert [m.name for m in scan([("a", tmp_path), ("b", tmp_path / "none")])] == ["a/real"]


def test_generators_are_found_by_path_name_or_scan(settings: Settings, model: Path) -> None:
    spec = settings.models[QWEN]
    with pytest.raises(ModelError, match="is not on this machine") as caught:
        find_generator(QWEN, settings)
    assert caught.value.hint.startswith(f"askllama models pull {QWEN} ")
    elsewhere = put(model, settings.stores[2][1] / spec.file)
    assert find_generator(QWEN, settings) == (QWEN, elsewhere)
    own = put(model, settings.model_folder / spec.file)
    assert find_generator(QWEN, settings) == (QWEN, own)
    assert find_generator("Qwen 2.5 0.5B", settings) == (QWEN, own)
    assert find_generator(str(model), settings) == (str(model), model)
    put(model, settings.stores[1][1] / "Some-Tuned-Model-Q4.gguf")
    assert find_generator("some tuned model", settings)[0] == "lmstudio/Some-Tuned-Model-Q4"


def test_a_full_name_never_means_another_model(settings: Settings, model: Path) -> None:
    put(model, settings.stores[1][1] / "wild-llama-3-8b-instruct-tune.gguf")
    with pytest.raises(ModelError, match="llama-3-8b-instruct is not on this machine"):
        find_generator("LLaMA 3 8B instruct", settings)
    assert find_generator("llama 3 8b", settings)[0] == "lmstudio/wild-llama-3-8b-instruct-tune"


def test_a_model_in_parts_is_here_when_all_parts_are(settings: Settings, model: Path) -> None:
    names = [f"dbrx-16x12b-instruct-q4_0-{n:05}-of-00010.gguf" for n in range(1, 11)]
    for name in names[:9]:
        put(model, settings.model_folder / name)
    with pytest.raises(ModelError, match="not on this machine"):
        find_generator("dbrx", settings)
    put(model, settings.model_folder / names[9])
    assert find_generator("dbrx", settings)[1].name == names[0]


def test_weights_of_other_formats_are_named(settings: Settings, tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    with pytest.raises(ModelError, match=r"without a \.gguf"):
        find_generator(str(folder), settings)
    (folder / "model.safetensors").write_bytes(b"x")
    with pytest.raises(ModelError, match="safetensors weights are not for"):
        find_generator(str(folder), settings)
    (folder / "config.json").write_text('{"quantization_config": {"quant_method": "gptq"}}')
    with pytest.raises(ModelError, match="GPTQ weights"):
        find_generator(str(folder), settings)
    (folder / "config.json").write_text('{"quantization_config": {"quant_method": "awq"}}')
    with pytest.raises(ModelError, match="AWQ weights"):
        find_generator(str(folder), settings)
    put(model, folder / "model.gguf")
    with pytest.raises(ModelError, match="is a folder") as caught:
        find_generator(str(folder), settings)
    assert str(folder / "model.gguf") in caught.value.hint


def test_what_is_no_gguf_is_refused(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"PK..")
    with pytest.raises(ModelError, match="not a GGUF"):
        find_generator(str(tmp_path / "x.gguf"), settings)
    with pytest.raises(ModelError, match="No such file"):
        find_generator(str(tmp_path / "gone.gguf"), settings)
    with pytest.raises(ModelError, match="researchers on request"):
        find_generator("llama-7b", settings)


def test_stores_follow_the_environment(tmp_path: Path) -> None:
    environ = {"OLLAMA_MODELS": "/o", "LLAMA_CACHE": "/l", "HF_HOME": "/h"}
    stores = load_settings(environ=environ).stores
    assert {("ollama", Path("/o")), ("llama.cpp", Path("/l")), ("hub", Path("/h/hub"))} <= set(stores)
    stores = load_settings(environ={"HF_HUB_CACHE": "~/c", "HF_HOME": "/h"}).stores
    assert ("hub", Path.home() / "c") in stores
    assert ("ollama", Path.home() / ".ollama" / "models") in stores


def test_a_scanned_model_answers_by_the_name_that_is_shown(
    tmp_path: Path, model: Path, real_settings: Settings
) -> None:
    put(model, tmp_path / "ollama" / "blobs" / f"sha256-{DIGEST}")
    write_manifest(tmp_path / "ollama", "registry.example/library/tiny/latest", f"sha256:{DIGEST}")
    (tmp_path / "notes.txt").write_text("AWQ stands for Activation-aware Weight Quantization.\n")
    environ = {**os.environ, "OLLAMA_MODELS": str(tmp_path / "ollama"), "ASKLLAMA_DATA": str(tmp_path / "data")}
    environ["ASKLLAMA_CACHE"] = str(real_settings.cache)

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "askllama", *args]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environ, cwd=tmp_path)

    shown = run("models", "scan").stdout
    assert shown.split()[0] == "ollama/tiny:latest"
    done = run("-c", "notes.txt", "--json", "-m", shown.split()[0], "What does AWQ stand for?")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["text"].startswith("AWQ stands for Activation-aware")
    assert answer["model"] == shown.split()[0]
