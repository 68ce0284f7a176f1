"""A program that serves a collection with the tests' encoder: `python -m tests.serving.served`.

Takes the collection's folder, `stdio` or `http`, and for http a token or "". Its encoder prints to
stdout, as a careless library might, so that a protocol that shares stdout would break.
"""

import sys

from ragkit import Collection
from ragkit.cli.commands.serve import bind_socket
from ragkit.cli.output.terminal import print_message
from ragkit.serving.mcp import server
from tests.conftest import WordEncoder


class Talkative(WordEncoder):
    def encode_queries(self, texts):
        print("encoding", texts, flush=True)
        return super().encode_queries(texts)


def main(folder, transport, token=""):
    collection = Collection(folder, create=False, encoder=Talkative(), notify=print_message)
    if transport == "stdio":
        server.run_stdio(collection)
        return
    with bind_socket("127.0.0.1", 0) as bound:
        print(bound.getsockname()[1], flush=True)
        server.run_http(
            server.create_mcp_app(collection, "127.0.0.1", ["kb.example"], token or None), bound
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
