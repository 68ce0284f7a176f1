"""`python -m ragkit`."""

import sys

from ragkit.cli import main

sys.exit(main())
