"""instructor: structured answers through the language model behind the server."""

import instructor
import openai
from checking import MODEL_URL, QUESTION, URL, check, raises, run
from pydantic import BaseModel


class Leave(BaseModel):
    duration: str
    weeks: int


EXPECTED = {"duration": "26 weeks", "weeks": 26}
ASKED = [{"role": "user", "content": QUESTION}]


def extract(mode, url=MODEL_URL):
    client = instructor.from_openai(openai.OpenAI(base_url=url, api_key="none", max_retries=0),
                                    mode=mode)  # fmt: skip
    found = client.chat.completions.create(
        model="default", messages=ASKED, response_model=Leave, max_retries=0
    )
    return found.model_dump()  # the object also has the raw response


@check
def by_a_tool():
    assert extract(instructor.Mode.TOOLS) == EXPECTED


@check
def by_json_object():
    assert extract(instructor.Mode.JSON) == EXPECTED


@check
def by_json_schema():
    assert extract(instructor.Mode.JSON_SCHEMA) == EXPECTED


@check
def without_a_model_it_is_refused_with_the_reason():
    raises(Exception, lambda: extract(instructor.Mode.TOOLS, URL), "language model")


run()
