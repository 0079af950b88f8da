"""The books under test, each built once a session."""

import pytest

from tests.book.building import Built, build_once, write_tiny_book


@pytest.fixture(scope="session")
def book(tmp_path_factory) -> Built:
    """The real book."""
    return build_once("real", tmp_path_factory)


@pytest.fixture(scope="session")
def tiny_book(tmp_path_factory) -> Built:
    """A tiny book that uses every feature of a page."""
    return build_once("tiny", tmp_path_factory, write_tiny_book)
