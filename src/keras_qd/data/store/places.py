"""From what a user writes, a path or a URL, to the place that it means."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from keras_qd.data.store.directory import Directory
from keras_qd.data.store.place import Place


def find_place(path: str | PathLike[str] | Place) -> Place:
    """Return the place that a path or a URL means.

    Parameters
    ----------
    path : str, path or Place
        A path or a ``file://`` URL for a directory; any other URL, such as ``s3://bucket/dots``,
        for what fsspec knows by it.

    Raises
    ------
    StoreError
        If the URL needs a package that is not installed, or cannot be understood.

    Examples
    --------
    >>> find_place("file:///data/dots.zarr").address
    '/data/dots.zarr'
    """
    if isinstance(path, Place):
        return path
    text = fspath(path)
    if not is_url(text):
        return Directory(Path(text))
    if urlsplit(text).scheme == "file":
        return Directory(Path(url2pathname(urlsplit(text).path)))
    from keras_qd.data.store.remote import Remote

    return Remote(text)


def is_url(text: str) -> bool:
    """Whether a text is a URL rather than a path.

    Examples
    --------
    >>> is_url("s3://bucket/dots.zarr"), is_url("dots.zarr"), is_url("C:/dots.zarr")
    (True, False, False)
    """
    return "://" in text
