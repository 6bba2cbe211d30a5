"""What is told of errors."""

from cadenza.errors import traced


def test_a_traced_error_names_its_kind_and_place_and_no_values() -> None:
    try:
        int("ada@example.com")
    except ValueError as error:
        told = traced(ExceptionGroup("ada@example.com", [error]))
    assert "ada" not in told
    assert told.startswith("ExceptionGroup")
    assert "ValueError at test_errors.py:" in told
