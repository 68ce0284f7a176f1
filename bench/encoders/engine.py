"""One embedding engine in a separate process, so that the engines do not influence each other.

    python bench/encoders/engine.py NAME FOLDER

`bench/encoders/speed.py` writes FOLDER: `mixed.json` and `cut.json`, two sets of texts,
`query.txt`, the path of the model's folder in `model.txt`, and `model.onnx`, a plain export for
engines that need one. Each line on stdin is a task: `mixed` and `cut` encode these texts, `query`
encodes one query several times, `dump` writes the vectors of `check.json`. The seconds of each task
are printed on stdout. Other libraries run under their own Python interpreter, so only ragkit's
engines import ragkit.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import time
from pathlib import Path

FOLDER = Path(sys.argv[2])
os.environ.setdefault("HF_HUB_OFFLINE", "1")


def _model() -> str:
    return (FOLDER / "model.txt").read_text()


def _sentence_transformer(**options):
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(_model(), device="cpu", **options)


def _by_tokens(model, budget: int = 2_048):
    """The library's own encode, with batches of texts of similar length in tokens."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(f"{_model()}/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)

    def encode(texts):
        import numpy as np

        lengths = [len(encoding) for encoding in tokenizer.encode_batch(texts)]
        vectors = np.empty((len(texts), 384), dtype=np.float32)
        order, start = sorted(range(len(texts)), key=lambda i: -lengths[i]), 0
        while start < len(order):
            batch = order[start : start + max(1, budget // lengths[order[start]])]
            vectors[batch] = model.encode([texts[i] for i in batch], batch_size=len(batch))
            start += len(batch)
        return vectors

    return encode


def sentence_transformers():
    return _sentence_transformer().encode


def sentence_transformers_by_tokens():
    return _by_tokens(_sentence_transformer())


def sentence_transformers_openvino():
    # OpenVINO's default is bfloat16 if the processor supports it; ragkit's vectors are fp32.
    precision = {"INFERENCE_PRECISION_HINT": "f32"}
    options = {"file_name": "openvino_model.xml", "device": "CPU", "ov_config": precision}
    folder = FOLDER / "openvino"
    if not folder.is_dir():
        import openvino

        shutil.copytree(_model(), folder)
        (folder / "openvino").mkdir()
        converted = openvino.convert_model(FOLDER / "model.onnx")
        # The default would store the weights in half precision.
        openvino.save_model(
            converted, folder / "openvino" / "openvino_model.xml", compress_to_fp16=False
        )
    from sentence_transformers import SentenceTransformer

    return _by_tokens(
        SentenceTransformer(str(folder), device="cpu", backend="openvino", model_kwargs=options)
    )


def chroma():
    from chromadb.utils.embedding_functions import ONNXMiniLM_L6_V2

    folder = FOLDER / "chroma" / "onnx"
    if not folder.is_dir():
        folder.mkdir(parents=True)
        names = ("config.json", "special_tokens_map.json", "tokenizer_config.json")
        for name in (*names, "tokenizer.json", "vocab.txt"):
            shutil.copy(f"{_model()}/{name}", folder)
        shutil.copy(FOLDER / "model.onnx", folder)
    ONNXMiniLM_L6_V2.DOWNLOAD_PATH = folder.parent
    return ONNXMiniLM_L6_V2(preferred_providers=["CPUExecutionProvider"])


def fastembed():
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    folder = FOLDER / "fastembed"
    if not folder.is_dir():
        folder.mkdir()
        for path in Path(_model()).iterdir():
            if path.is_file() and path.suffix != ".safetensors":
                shutil.copy(path, folder)
        settings = json.loads((folder / "tokenizer_config.json").read_text())
        (folder / "tokenizer_config.json").write_text(
            json.dumps({**settings, "model_max_length": 256})
        )
        shutil.copy(FOLDER / "model.onnx", folder)
    TextEmbedding.add_custom_model(
        model="local/minilm",
        pooling=PoolingType.MEAN,
        normalization=True,
        sources=ModelSource(hf="local/minilm"),
        dim=384,
        model_file="model.onnx",
    )
    model = TextEmbedding("local/minilm", specific_model_path=str(folder), local_files_only=True)
    return lambda texts: list(model.embed(texts))


def txtai():
    from txtai import Embeddings

    return Embeddings(path=_model(), gpu=False).batchtransform


def _ragkit(precision: str = "fp32"):
    from ragkit.encoders import model_folder
    from ragkit.encoders.sentence_encoder import SentenceEncoder

    return SentenceEncoder("bench", model_folder.read(Path(_model()), "bench"), precision)


def ragkit():
    """The engines of `index` and of a program with many queries."""
    encoder = _ragkit()
    bulk = encoder._load("onnx_bulk").encode
    encoder._load("onnx_query")
    return lambda texts: bulk(texts, "") if len(texts) > 1 else encoder.encode_queries(texts)


def ragkit_numpy():
    encode = _ragkit()._load("numpy").encode
    return lambda texts: encode(texts, "")


def ragkit_int8():
    encode = _ragkit("int8")._load("onnx_bulk").encode
    return lambda texts: encode(texts, "")


ENGINES = (
    sentence_transformers,
    sentence_transformers_by_tokens,
    sentence_transformers_openvino,
    chroma,
    fastembed,
    txtai,
    ragkit,
    ragkit_numpy,
    ragkit_int8,
)


def _seconds(encode, texts) -> float:
    started = time.perf_counter()
    encode(texts)
    return time.perf_counter() - started


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # output that libraries print goes to stderr
    encode = {engine.__name__: engine for engine in ENGINES}[sys.argv[1]]()
    sets = {name: json.loads((FOLDER / f"{name}.json").read_text()) for name in ("mixed", "cut")}
    query = (FOLDER / "query.txt").read_text()
    encode(sets["mixed"][:4])
    encode([query])
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        if line.strip() in sets:
            seconds = _seconds(encode, sets[line.strip()])
        elif line.strip() == "query":
            seconds = statistics.median(_seconds(encode, [query]) for _ in range(20))
        else:
            import numpy as np

            vectors = np.asarray(encode(json.loads((FOLDER / "check.json").read_text())))
            vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
            np.save(FOLDER / f"{sys.argv[1]}.npy", vectors.astype(np.float32))
            seconds = 0.0
        print(seconds, file=answers, flush=True)


if __name__ == "__main__":
    main()
