from ragkit.cli.arguments.parser import parser


def parse(*argv):
    return parser(argv).parse_args(argv)


def test_serve_listens_on_loopback_at_port_8765_by_default():
    arguments = parse("serve")
    assert (arguments.host, arguments.port, arguments.collections) == ("127.0.0.1", 8765, [])


def test_serve_takes_named_collections_and_repeatable_hosts():
    arguments = parse("serve", "a=x", "b=y", "--allow-host", "h1", "--allow-host", "h2")
    assert (arguments.collections, arguments.allow_host) == (["a=x", "b=y"], ["h1", "h2"])


def test_mcp_speaks_over_stdin_unless_http_is_asked_for():
    assert parse("mcp").http is False
    assert parse("mcp", "--http", "--port", "0").port == 0


def test_both_servers_search_on_a_cluster():
    for command in ("serve", "mcp"):
        arguments = parse(command, "--on", "ray", "--replicas", "3")
        assert (arguments.on, arguments.replicas) == ("ray", 3)
