"""A static encoder from a transformer: a vector for each token, made by model2vec.

Each token of the vocabulary is passed through the transformer alone; principal components reduce
the vectors, and frequent tokens get smaller ones. A text's vector is the mean of its tokens'
vectors: hundreds of times as fast as the transformer, and clearly worse. Uses no network.

https://github.com/MinishLab/model2vec
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ragkit.encoders.model_folder import ModelFolder
from ragkit.errors import ModelError, UsageError
from ragkit.learning.base_model import read_base_model

DEFAULT_DIMENSIONS = 256  # as model2vec's own models have
_REQUIRED_PACKAGES = ("model2vec", "skeletoken", "torch", "transformers")


def distill(
    model: str,
    output: str | Path,
    *,
    dimensions: int = DEFAULT_DIMENSIONS,
    force: bool = False,
) -> Path:
    """Write a static encoder made from `model` (a folder, an installed model or a name on the hub)
    to the new folder `output`; return it.

    - `dimensions`: of a vector; those of `model` if it has fewer. Default: 256.
    - `force`: replace a model in `output`.

    Raises UsageError for a wrong value or an `output` in use, ModelError if `model` cannot be used
    or a package of the extra `distill` is missing.
    """
    output = Path(output).expanduser()
    if not 8 <= dimensions <= 4096:
        raise UsageError(f"dimensions is {dimensions}; expected 8 to 4096")
    check_output(output, force=force)
    missing = [name for name in _REQUIRED_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ModelError(
            f"distilling needs {', '.join(missing)}, not installed here. Install it with: "
            'pip install "ragkit-search[distill]"'
        )
    base = read_base_model(model)
    temporary = output.with_name(f"{output.name}.new")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        _write(base, temporary, dimensions)
        if output.exists():
            replaced = output.with_name(f"{output.name}.replaced")
            shutil.rmtree(replaced, ignore_errors=True)
            output.rename(replaced)
            temporary.rename(output)
            shutil.rmtree(replaced)
        else:
            temporary.rename(output)
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return output


def check_output(output: Path, *, force: bool) -> None:
    """Raise UsageError if `output` may not be written: before the work, not after it."""
    if not output.parent.is_dir():
        raise UsageError(f"cannot write {output}: there is no folder {output.parent}")
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return
    if not (output / "config.json").is_file():
        raise UsageError(f"{output} exists and is not a model: choose another --output")
    if not force:
        raise UsageError(
            f"{output} already exists: choose another --output, or replace it with --force"
        )


def _write(base: ModelFolder, folder: Path, dimensions: int) -> None:
    from model2vec.distill import distill_from_model
    from transformers import AutoModel, AutoTokenizer

    source = str(base.transformer)
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(source, local_files_only=True)
        model = AutoModel.from_pretrained(
            source, local_files_only=True, use_safetensors=True, trust_remote_code=False
        )
        with _one_thread():
            static = distill_from_model(
                model.float().eval(),
                tokenizer,
                device="cpu",
                pca_dims=min(dimensions, int(model.config.hidden_size)),
                quantize_to="float32",
                pooling="first" if base.pooling == "cls" else "mean",
            )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ModelError(f"{base.path} cannot be distilled: {error}") from error
    static.save_pretrained(folder)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch use one thread: texts of one token give threads too little to do, and on a busy
    machine they wait for each other."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
