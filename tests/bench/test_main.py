"""`python -m bench`: what needs a package that is not installed says so."""

import subprocess
import sys

from tests.conftest import REPOSITORY


def test_a_benchmark_whose_package_is_missing_names_the_command():
    code = (
        "import runpy, sys\n"
        "sys.modules['ray'], sys.argv = None, ['bench', 'scale']\n"
        "runpy.run_module('bench', run_name='__main__')\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert process.returncode == 2
    assert process.stderr == 'scale needs ray: pip install "ragkit-search[ray]"\n'
