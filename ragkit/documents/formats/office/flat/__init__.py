"""Office documents as a single XML file instead of a zip package."""
