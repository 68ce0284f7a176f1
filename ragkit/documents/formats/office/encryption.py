"""Office files that need a password → the same files without encryption, by msoffcrypto-tool.

docx, xlsx, pptx and xlsb (an OLE2 file around the package), doc, xls and ppt. Excel encrypts files
that are only protected against changes with a password of its own, which everybody may read.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from types import SimpleNamespace

from ragkit.documents.unpacking.limits import MAX_TOTAL_BYTES
from ragkit.errors import DocumentError

MISSING_EXTRA = "needs a password, and ragkit-search[encrypted] to be read with it"
_EXCEL_DEFAULT = "VelvetSweatshop"


def decrypt_office(data: bytes, passwords: Sequence[str]) -> bytes | None:
    """Return the bytes of an encrypted Office file without its encryption; None if no password
    opens it.

    Raises `DocumentError` if there are passwords, and the file is damaged or encrypted in a way
    that is not known, or msoffcrypto-tool is not installed.
    """
    try:
        from msoffcrypto import OfficeFile
        from msoffcrypto.exceptions import DecryptionError
        from msoffcrypto.format import doc97, ppt97, xls97
    except ImportError:
        if not passwords:
            return None
        raise DocumentError(f"encrypted Office file: {MISSING_EXTRA}", kind="encrypted") from None
    for module in (doc97, ppt97, xls97):  # they copy the file to the disk, where nothing may be
        module.tempfile = SimpleNamespace(TemporaryFile=BytesIO)
    for password in (_EXCEL_DEFAULT, *passwords):
        output = BytesIO()
        try:
            file = OfficeFile(BytesIO(data))
            file.load_key(password=password)
            file.decrypt(output)
        except DecryptionError:
            continue
        except Exception as error:  # what it raises for damaged files is not defined
            if not passwords:
                return None
            reason = f"encrypted Office file, which cannot be decrypted: {error}"
            raise DocumentError(reason, kind="encrypted") from error
        if output.tell() > MAX_TOTAL_BYTES:
            raise DocumentError("encrypted Office file: too large", kind="limit")
        return output.getvalue()
    return None
