"""Fingerprints of JSON values, and where two of them differ."""

import hashlib
from typing import Any

import pytest

from cache.hashing import differences, fingerprint


def test_the_fingerprint_is_that_of_the_canonical_text() -> None:
    text = b'{"a":[1,0.5,null],"b":"\\u00e9"}'
    assert fingerprint({"b": "é", "a": [1, 0.5, None]}) == hashlib.sha256(text).hexdigest()
    for number in (float("nan"), float("inf")):
        with pytest.raises(ValueError):
            fingerprint({"a": number})


@pytest.mark.parametrize(
    ("found", "wanted", "differing"),
    [
        ({}, {}, []),
        ({"a": {"b": 1, "c": [2]}}, {"a": {"c": [2], "b": 1}}, []),
        ({"a": 1, "b": 2, "c": 3}, {"c": 4, "a": 0, "b": 2}, [("a", 1, 0), ("c", 3, 4)]),
        ({"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 2}}}, [("a.b.c", 1, 2)]),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, [("a", [1, {"b": 2}], [1, {"b": 3}])]),
        ({"a": {"b": 1}}, {"a": "b"}, [("a", {"b": 1}, "b")]),
        ({"a": None}, {}, []),
        ({"a": {"x": 1, "y": 2}, "z": {}}, {"b": 3, "a": {"y": 2, "w": 4}},
         [("a.x", 1, None), ("a.w", None, 4), ("z", {}, None), ("b", None, 3)]),
    ],
)  # fmt: skip
def test_differences_have_a_name_and_both_values(
    found: Any, wanted: Any, differing: list[tuple[str, Any, Any]]
) -> None:
    assert list(differences(found, wanted)) == differing
    assert list(differences({"in": found}, {"in": wanted})) == [(f"in.{name}", *rest) for name, *rest in differing]
    assert list(differences(found, wanted, "in")) == [(f"in.{name}", *rest) for name, *rest in differing]


def test_what_only_one_has_can_be_passed_over() -> None:
    found, wanted = {"a": {"x": 1, "y": 2}, "b": 3}, {"c": None, "a": {"y": 4, "z": 5}}
    assert list(differences(found, wanted, wanted_only=True)) == [("a.y", 2, 4), ("a.z", None, 5)]
    assert list(differences(found, {}, wanted_only=True)) == []
