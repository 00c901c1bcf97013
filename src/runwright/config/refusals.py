"""Vocabulary: how settings are refused: one FieldError for each, with the place where it was written. No value of a
secret is ever quoted.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from runwright.errors import FieldError, SettingsError


def fault(name: str, reason: str, origin: str) -> SettingsError:
    """The refusal of one setting, with the place that it was written in."""
    place = f" (from {origin})" if origin not in {"", "default"} else ""
    return SettingsError(f"{name}: {reason}{place}", [FieldError(f"/{name}", f"{reason}{place}")])


def refusal(error: ValidationError, origins: Mapping[str, str], fields: Mapping[str, FieldInfo]) -> SettingsError:
    """One FieldError for each setting that pydantic refused, with the place it was written in."""
    faults: dict[str, SettingsError] = {}
    for detail in error.errors(include_url=False, include_context=False):
        name = str(detail["loc"][0]) if detail["loc"] else ""
        info = fields.get(name)
        if info is None:
            near = get_close_matches(name, fields, n=1)
            reason = "there is no such setting" + (f"; did you mean {near[0]!r}?" if near else "")
        else:
            reason = detail["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
            if (
                "SecretStr" not in str(info.annotation)
                and not name.startswith("store")
                and repr(detail["input"]) not in reason
            ):
                reason = (
                    f"{detail['input']!r} {reason}"
                    if reason.startswith("is ")
                    else f"{reason}, not {detail['input']!r}"
                )
        faults.setdefault(name, fault(name, reason, origins.get(name, "")))
    errors = [each.errors[0] for each in faults.values()]
    return SettingsError("; ".join(each.message for each in faults.values()), errors)
