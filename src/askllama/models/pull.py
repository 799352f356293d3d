"""Download a generator from the hub: resumed where it broke off, and verified before it gets its name.

The bytes go into ``FILE.part``. Only when its sha256 is the one that the hub named beforehand is it renamed, so that a
process may die at any moment and no half file ever looks whole. huggingface_hub's own download starts over each time
and compares lengths alone; its metadata, its client and its credentials are what is used here.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO

import httpx2
from filelock import FileLock, Timeout
from huggingface_hub import get_hf_file_metadata, get_session, get_token, hf_hub_url
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
)

from askllama.config import ModelSpec
from askllama.errors import ModelError
from askllama.models import notes
from askllama.models.names import parts
from askllama.models.registry import hash_file

_CHUNK = 1 << 20
_PATIENCE = 60.0  # seconds without a byte
_TRIES = 4  # without any progress
_PAUSE = 1.0  # seconds before a further try
_SHA256 = re.compile(r"[0-9a-f]{64}")

Progress = Callable[[int, int], object]
"""Called with the bytes that are here and the bytes in all."""


@dataclass(frozen=True, slots=True)
class _Remote:
    """A file as the hub describes it, and where it is to lie."""

    url: str
    size: int
    sha256: str
    path: Path

    @property
    def part(self) -> Path:
        return self.path.with_name(f"{self.path.name}.part")

    @property
    def record(self) -> Path:
        """The hash beside a pulled file, as sha256sum writes it: what tells our files from the user's."""
        return self.path.with_name(f"{self.path.name}.sha256")


def pull(spec: ModelSpec, folder: Path, cache: Path, progress: Progress) -> Path:
    """Bring the model's file, or all its parts, into ``folder``; the path of the (first) file.

    The hash that was verified is noted in ``cache``, so that nobody need read the file for it again.
    Raises ModelError where the hub cannot be reached, has no such file or another one than it says, where the disk is
    full, or where another pull of the same model runs.
    """
    if not spec.repository:
        raise ModelError(f"{spec.name} cannot be pulled: {spec.note}", f"put your own {spec.file} into {folder}")
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(_lock(spec, folder), spec.name), _explained(spec):
        files = [_describe(spec.repository, part, folder) for part in parts(spec.file)]
        _require_room(files, folder)
        *starts, total = accumulate((file.size for file in files), initial=0)
        for start, file in zip(starts, files, strict=True):
            _fetch(file, _part_of(progress, start, total))
            notes.note(file.path, cache, sha256=file.sha256)
    return files[0].path


def remove(spec: ModelSpec, folder: Path) -> None:
    """Delete what ``pull`` brought; raises ModelError where it brought nothing."""
    paths = [folder / Path(part).name for part in parts(spec.file)]
    files = [_Remote("", 0, "", path) for path in paths]
    if not any(file.record.exists() or file.part.exists() for file in files):
        raise ModelError(f"askllama did not pull {spec.name}", f"askllama models show {spec.name}  says where it is")
    with _alone(_lock(spec, folder), spec.name):
        for file in files:
            if file.record.exists():
                file.path.unlink(missing_ok=True)
            file.part.unlink(missing_ok=True)
            file.record.unlink(missing_ok=True)


def _lock(spec: ModelSpec, folder: Path) -> Path:
    return folder / f"{Path(spec.file).name}.lock"


@contextmanager
def _alone(lock: Path, name: str) -> Iterator[None]:
    """Keep others off the same part; the system lets go of the lock when a process dies."""
    try:
        with FileLock(lock, timeout=0):
            yield
    except Timeout as error:
        raise ModelError(f"{name} is being pulled already", "wait for it") from error


@contextmanager
def _explained(spec: ModelSpec) -> Iterator[None]:
    """What the hub or the network may answer, in words."""
    where = f"{spec.repository}, {spec.file}"
    again = f"askllama models pull {spec.name}"
    own = f"{again}  goes on where it was; or copy the file here and give its path: -m FILE.gguf"
    try:
        yield
    except GatedRepoError as error:
        raise ModelError(f"{where}: accept its licence on the hub first", f"then set HF_TOKEN, and {again}") from error
    except (RepositoryNotFoundError, RemoteEntryNotFoundError, HFValidationError) as error:
        raise ModelError(f"the hub has no {where}", "mend its entry in models.toml, or look for the file") from error
    except OfflineModeIsEnabled as error:
        raise ModelError("HF_HUB_OFFLINE forbids the network", f"unset HF_HUB_OFFLINE; {own}") from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise ModelError(f"the hub cannot be reached or does not deliver: {_first_line(error)}", own) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _describe(repository: str, name: str, folder: Path) -> _Remote:
    """What the hub says of a file, before a byte of it is fetched."""
    url = hf_hub_url(repository, name)
    found = get_hf_file_metadata(url)
    if found.size is None or not _SHA256.fullmatch(found.etag or ""):
        raise ModelError(f"the hub names no size and sha256 of {name}", "pull another model: askllama models")
    return _Remote(url, found.size, str(found.etag), folder / Path(name).name)


def _require_room(files: Sequence[_Remote], folder: Path) -> None:
    here = sum(p.stat().st_size for file in files for p in (file.path, file.part) if p.exists())
    need = sum(file.size for file in files) - here
    free = shutil.disk_usage(folder).free
    if need > free:
        raise ModelError(
            f"{need / 1e9:.1f} GB are needed in {folder}, {free / 1e9:.1f} GB are free",
            "make room, or set ASKLLAMA_DATA to a folder on another disk",
        )


def _part_of(progress: Progress, start: int, total: int) -> Callable[[int], object]:
    return lambda here: progress(start + here, total)


def _fetch(file: _Remote, progress: Callable[[int], object]) -> None:
    """Bring one file, from what is here of it already, and give it its name once its hash is right."""
    if file.path.exists():
        if hash_file(file.path) != file.sha256:
            raise ModelError(f"{file.path} is not the file that the hub has", "move it away, and pull again")
        progress(file.size)
        return
    with file.part.open("ab") as part:
        _fill(part, file, progress)
        part.flush()
        os.fsync(part.fileno())
    if hash_file(file.part) != file.sha256:
        file.part.unlink()
        raise ModelError(
            f"{file.path.name}: what came is not what the hub announced (sha256 {file.sha256[:12]}…), and was removed",
            "askllama models pull  again; where it happens twice, the hub or the way to it is not to be trusted",
        )
    file.record.write_text(f"{file.sha256}  {file.path.name}\n", encoding="utf-8")
    file.part.replace(file.path)


def _fill(part: BinaryIO, file: _Remote, progress: Callable[[int], object]) -> None:
    """Append until the part has its length; raises httpx2.HTTPError when that gets no further."""
    if part.tell() > file.size:
        _restart(part)
    most, tries = part.tell(), 0
    while part.tell() < file.size:
        try:
            _receive(part, file, progress)
            failure: httpx2.HTTPError = httpx2.ReadError("the file ended too early")
        except httpx2.HTTPError as error:
            failure = error
        if part.tell() > most:
            most, tries = part.tell(), 0
            continue
        tries += 1
        if tries == _TRIES:
            raise failure
        time.sleep(_PAUSE)


def _receive(part: BinaryIO, file: _Remote, progress: Callable[[int], object]) -> None:
    """One request for what is missing; a server that sends the whole file instead is taken from the beginning."""
    here = part.tell()
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={here}-"} if here else {})
    if token := get_token():
        headers["Authorization"] = f"Bearer {token}"  # not sent on where the hub redirects to another host
    with get_session().stream("GET", file.url, headers=headers, timeout=_PATIENCE) as response:
        if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            _restart(part)
            return
        response.raise_for_status()
        if here and not response.headers.get("Content-Range", "").startswith(f"bytes {here}-"):
            _restart(part)
        for chunk in response.iter_bytes(_CHUNK):
            if part.tell() + len(chunk) > file.size:
                _restart(part)
                raise httpx2.ReadError("the file is longer than announced")
            part.write(chunk)
            progress(part.tell())


def _restart(part: BinaryIO) -> None:
    part.seek(0)
    part.truncate()
