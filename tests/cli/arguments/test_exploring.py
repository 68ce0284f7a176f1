from ragkit.cli.arguments.parser import parser


def parse(*argv):
    return parser(argv).parse_args(argv)


def test_duplicates_takes_a_bound_and_a_limit():
    arguments = parse("duplicates", "--min-score", "0.9", "--limit", "3", "--documents")
    assert (arguments.min_score, arguments.limit, arguments.documents) == (0.9, 3, True)
    assert parse("duplicates").min_score == 0.95


def test_topics_takes_a_number():
    arguments = parse("topics", "--count", "7", "--rebuild")
    assert (arguments.count, arguments.rebuild, arguments.json) == (7, True, False)


def test_map_takes_a_file_and_a_color():
    arguments = parse("map", "map.svg", "--color", "type", "--method", "pca")
    assert (arguments.file, arguments.color, arguments.method) == ("map.svg", "type", "pca")
