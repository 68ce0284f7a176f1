from ragkit.agents.clients import CLIENTS
from ragkit.cli.arguments.parser import parser


def test_the_help_names_every_agent():
    top = parser(["install-agent", "--help"])
    (subparsers,) = [a for a in top._actions if a.__class__.__name__ == "_SubParsersAction"]
    text = subparsers.choices["install-agent"].format_help()
    assert [name for name in CLIENTS if name not in " ".join(text.split())] == []
