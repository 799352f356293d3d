"""askllama starts at once: what is heavy is loaded when it is needed, and never for help or version."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "sentence_transformers", "transformers", "faiss", "llama_cpp", "numpy", "prompt_toolkit", "sqlite3")


@pytest.mark.parametrize(
    "code",
    [
        "import askllama",
        "import askllama.cli",
        "import askllama.__main__",
        "from askllama.cli import main; main(['--help'], standalone_mode=False)",
        "from askllama.cli import main; main(['--version'], standalone_mode=False)",
        "from askllama.cli import main; main(['ask', '--help'], standalone_mode=False)",
    ],
)
def test_nothing_heavy_is_imported(code: str) -> None:
    check = f"{code}\nimport sys\nprint(sorted(set({HEAVY}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_listing_models_needs_no_model() -> None:
    code = (
        "from askllama.cli import main; main(['models'], standalone_mode=False)\n"
        f"import sys; print(sorted(set({HEAVY[:-1]}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
