"""Collections that are made once for a module and copied for each test."""

import shutil

import pytest

from ragkit import Collection
from tests.conftest import WordEncoder
from tests.maintenance.tables import SETTINGS


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """A folder with documents, their collection, and its export. Not to be changed."""
    base = tmp_path_factory.mktemp("template")
    (base / "notes" / "sub").mkdir(parents=True)
    (base / "notes" / "keys.md").write_text(
        "# Keys\n\nRotate the signing keys every ninety days.\n\n"
        "## Storage\n\nKeep the private part in a vault.\n"
    )
    (base / "notes" / "leave.txt").write_text("Parents may stay at home for half a year.\n")
    (base / "notes" / "sub" / "cats.txt").write_text("Cats sleep for most of the day.\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAGKIT_DATA_DIR", str(base / "data"))
        with Collection(base / "kit", encoder=WordEncoder(), settings=SETTINGS) as collection:
            collection.index(base / "notes")
            collection.export(base / "export")
    return base


@pytest.fixture
def collection_folder(template, tmp_path):
    """The folder of an intact collection that nobody has open."""
    shutil.copytree(template / "kit", tmp_path / "kit")
    return tmp_path / "kit"


@pytest.fixture
def exported(template, tmp_path):
    """The folder of an export, to be damaged."""
    shutil.copytree(template / "export", tmp_path / "export")
    return tmp_path / "export"
