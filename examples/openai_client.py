"""OpenAI's own client with `ragkit serve`: only base_url is different.

pip install "ragkit-search[model,server]" openai
ragkit -c notes.ragkit index ~/notes
ragkit -c notes.ragkit serve
python openai_client.py "how do we rotate keys?"
"""

import os
import sys

from openai import OpenAI

question = " ".join(sys.argv[1:])
client = OpenAI(
    base_url=os.environ.get("RAGKIT_URL", "http://127.0.0.1:8765/v1"),
    api_key=os.environ.get("RAGKIT_TOKEN", "none"),
)

# The passages, as from a vector store: the collection's name is its id.
for hit in client.vector_stores.search("default", query=question, max_num_results=3):
    print(f"{hit.score:.2f}  {hit.filename}  {hit.content[0].text[:80]!r}")

# An answer with its sources, as from a model that has read them.
answer = client.chat.completions.create(
    model="default", messages=[{"role": "user", "content": question}], stream=True
)
for part in answer:
    print(part.choices[0].delta.content or "" if part.choices else "", end="", flush=True)
print()
