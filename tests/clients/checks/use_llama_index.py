"""LlamaIndex: ragkit's retriever and embedding, and its OpenAI-like classes against the server."""

from checking import ANSWER, FOLDER, MODEL_URL, QUESTION, URL, check, run
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike

import ragkit
from ragkit.integrations.llamaindex import RagkitRetriever

collection = ragkit.Collection(FOLDER, create=False)
retriever = RagkitRetriever(collection, k=3)


def llm(url=URL):
    return OpenAILike(api_base=url, api_key="none", model="default", is_chat_model=True,
                      is_function_calling_model=True, max_retries=0)  # fmt: skip


@check
def retrieve():
    assert ANSWER in retriever.retrieve(QUESTION)[0].text


@check
async def aretrieve():
    assert ANSWER in (await retriever.aretrieve(QUESTION))[0].text


@check
def query_engine():
    assert ANSWER in str(
        RetrieverQueryEngine.from_args(retriever, llm=llm(MODEL_URL)).query(QUESTION)
    )


@check
def embedding_in_an_index():
    from ragkit.integrations.llamaindex import RagkitEmbedding

    embedding = RagkitEmbedding(collection.encoder())
    documents = [Document(text="cats sleep"), Document(text="dogs bark")]
    index = VectorStoreIndex.from_documents(documents, embed_model=embedding)
    assert index.as_retriever(similarity_top_k=1).retrieve("barking")[0].text == "dogs bark"


@check
def embedding_of_the_server():
    embedding = OpenAILikeEmbedding(api_base=URL, api_key="none", model_name="default")
    assert len(embedding.get_text_embedding("keys")) == 384


@check
def chat():
    from llama_index.core.llms import ChatMessage

    assert ANSWER in str(llm().chat([ChatMessage(role="user", content=QUESTION)]))


@check
def stream_chat():
    from llama_index.core.llms import ChatMessage

    *_, last = llm().stream_chat([ChatMessage(role="user", content=QUESTION)])
    assert ANSWER in str(last)


@check
def tools_of_the_model():
    from llama_index.core.tools import FunctionTool

    def weather(city: str) -> str:
        """The weather in a city."""
        return "sunny"

    tool = FunctionTool.from_defaults(weather)
    model = llm(MODEL_URL)
    response = model.chat_with_tools([tool], user_msg=QUESTION)
    assert model.get_tool_calls_from_response(response)[0].tool_kwargs == {"city": "26 weeks"}


run()
