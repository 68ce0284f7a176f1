import pytest

from ragkit.cli.arguments.parser import parser


def parse(*argv):
    return parser(argv).parse_args(argv)


def test_trust_takes_an_optional_folder():
    assert parse("trust").folder is None
    assert parse("trust", "clone").folder == "clone"


def test_list_and_revoke_exclude_each_other():
    assert parse("trust", "--revoke", "clone").revoke
    with pytest.raises(SystemExit):
        parse("trust", "--list", "--revoke")
