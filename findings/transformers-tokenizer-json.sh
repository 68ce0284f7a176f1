#!/usr/bin/env bash
# transformers 5.24.0: AutoTokenizer of a BERT folder ignores how its tokenizer.json normalises text.
# Expected: tokenizer.json is the whole tokenizer, and AutoTokenizer gives the token ids that the
# tokenizers library gives for the same file, as transformers 4.57.6 does.
# Seen: release 5 takes the vocabulary out of the file and builds the steps of the class that
# tokenizer_config.json names. Here the model keeps accents, and the class drops them; so texts get
# other ids, hence other vectors, without a warning. With PreTrainedTokenizerFast as the class the file counts.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/tokenize_text.py" <<'PYTHON'
import json
from importlib.metadata import version
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoTokenizer

TEXT = "Résumé for Zürich"
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "résumé", "resume", "for", "zürich", "zurich"]

tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
tokenizer.normalizer = normalizers.Lowercase()  # and keeps accents
tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
tokenizer.post_processor = processors.TemplateProcessing(
    single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
)
folder = Path("model")
folder.mkdir(exist_ok=True)
tokenizer.save(str(folder / "tokenizer.json"))
(folder / "config.json").write_text(json.dumps({"model_type": "bert", "vocab_size": len(WORDS)}))

file_says = tokenizer.encode(TEXT).tokens
print("transformers", version("transformers"), "tokenizers", version("tokenizers"))
print("tokenizer.json                    ", file_says)
same = {}
for name in ("BertTokenizerFast", "PreTrainedTokenizerFast"):
    settings = {"tokenizer_class": name, "unk_token": "[UNK]", "pad_token": "[PAD]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    loaded = AutoTokenizer.from_pretrained(folder)
    tokens = loaded.convert_ids_to_tokens(loaded(TEXT)["input_ids"])
    same[name] = tokens == file_says
    print(f"AutoTokenizer, {name:23}", tokens)

major = int(version("transformers").split(".")[0])
expected = {"BertTokenizerFast": major < 5, "PreTrainedTokenizerFast": True}
if same != expected:
    raise SystemExit(f"CHANGED: as tokenizer.json: {same}, was {expected}")
PYTHON
cd "$folder"
for release in 4.57.6 5.24.0; do
  "${PYTHON:-python3}" -m venv "venv-$release"
  "venv-$release/bin/pip" install -qq --disable-pip-version-check "transformers==$release"
  HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error "venv-$release/bin/python" tokenize_text.py
done
echo "As described: release 5 drops the accents that tokenizer.json keeps."
