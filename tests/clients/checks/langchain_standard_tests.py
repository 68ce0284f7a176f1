"""LangChain's standard tests for retrievers and embeddings (langchain-tests)."""

import os

import pytest
from langchain_tests.integration_tests import EmbeddingsIntegrationTests, RetrieversIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests

import ragkit
from ragkit.integrations.langchain import RagkitEmbeddings, RagkitRetriever

collection = ragkit.Collection(os.environ["CHECK_FOLDER"], create=False)


class TestRetriever(RetrieversIntegrationTests):
    @property
    def retriever_constructor(self):
        return RagkitRetriever

    @property
    def retriever_constructor_params(self):
        return {"collection": collection}

    @property
    def retriever_query_example(self):
        return "how long may parents be absent?"


class _Embeddings:
    @property
    def embeddings_class(self):
        return RagkitEmbeddings

    @property
    def embedding_model_params(self):
        return {"encoder": collection.encoder()}


class TestEmbeddings(_Embeddings, EmbeddingsIntegrationTests):
    pass


class TestEmbeddingsUnit(_Embeddings, EmbeddingsUnitTests):
    @pytest.fixture
    def benchmark(self):
        return lambda function, *arguments: function(*arguments)
