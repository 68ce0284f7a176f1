"""What stands in the documents that the page is tried with."""

QUESTION = "Do we rotate the signing keys every ninety days?"  # near enough for the tests' encoder
LAMP = "The lighthouse keeper polishes the copper lamp every evening."
HOSTILE = (
    "The volcano <script>fetch('http://evil.example/a')</script>"
    "<img src='http://evil.example/b' onerror='alert(1)'> ![c](http://evil.example/c.png) "
    "[d](javascript:alert(2)) https://evil.example/e erupts."
)
HOSTILE_NAME = "<img src=x onerror=alert(3)>.txt"
UNREAD = 60  # files that the list of those takes two pages for, beside three others
GUIDE = "Ships enter the harbour\nonly at high tide.\n^Anchors stay aboard."
FRUIT = ("apple", "pear", "plum", "quince", "medlar")
TEA = "Pour boiling water on the leaves and wait four minutes. Then take the leaves out."
