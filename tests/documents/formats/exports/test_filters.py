"""Every export can be filtered by who said it and when."""

import json

from tests.documents.formats.exports import (
    test_bibliography,
    test_discord,
    test_evernote,
    test_telegram,
)


def test_from_and_date_filter_all_exports(collection, tmp_path):
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "WhatsApp Chat with Team.txt").write_text("13/03/2024, 20:13 - Jane Roe: hike\n")
    (folder / "telegram.json").write_text(json.dumps(test_telegram.CHAT))
    (folder / "discord.json").write_text(json.dumps(test_discord.EXPORT))
    (folder / "notes.enex").write_text(test_evernote.EXPORT.format(test_evernote.NOTE.format("")))
    (folder / "refs.bib").write_text(test_bibliography.BIBTEX)
    cue = "00:01.000 --> 00:02.000\n<v Jane Roe>We hike.\n"
    (folder / "meeting.vtt").write_text(f"WEBVTT\n\n{cue}")
    collection.index(folder)

    def paths(where):
        return {hit.path.split("/")[0] for hit in collection.search("x", k=50, where=where)}

    chats = {"WhatsApp Chat with Team.txt", "telegram.json", "discord.json", "notes.enex"}
    assert paths('from = "Jane Roe"') == chats | {"meeting.vtt"}
    assert paths('from = "Jane Roe" and date > 2024-03-11') == chats - {"notes.enex"}
    assert paths('from = "Sebastian Bruch" and date < 2024-01') == {"refs.bib"}
