"""What people may send in as files: those who are signed in alone, up to a size."""

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, SkipFile


class UploadLimit(FileUploadHandler):
    """Drops a file that is too large, or that a stranger sends, before anything of it is kept.

    `request.refused_upload` tells the view that there was one.
    """

    def handle_raw_input(
        self, input_data: Any, meta: Any, content_length: int, boundary: Any, encoding: Any = None
    ) -> None:
        """Note how much the request says it brings."""
        self._most = settings.TARN_UPLOAD_MAX_MB * 1_048_576
        # Names and values of the other fields take some room, too.
        self._is_refused = content_length > self._most + 1_048_576 or not self._is_known()
        self._received = 0

    def _is_known(self) -> bool:
        return bool(getattr(getattr(self.request, "user", None), "is_authenticated", False))

    def new_file(self, *args: Any, **values: Any) -> None:
        """Begin with a file, or leave it out.

        :raises SkipFile: if it is not taken.
        """
        super().new_file(*args, **values)
        if self._is_refused:
            self._skip()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Hand on what may stay.

        :raises SkipFile: if the file has become too large.
        """
        self._received += len(raw_data)
        if self._received > self._most:
            self._skip()
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Leave the file to the handlers behind."""

    def _skip(self) -> None:
        self.request.refused_upload = True  # type: ignore[union-attr] # read by the view
        raise SkipFile
