"""The words of the interface, one YAML file for each language: ``key: words``, braces where a value goes."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from paysim.reading import read_yaml
from paysim.report.wording import ABOUT_NOTHING

LANGUAGES = {"en": "English", "nl": "Nederlands", "fr": "Français"}
DEFAULT = "en"

_THOUSANDS, _POINT, _BETWEEN = re.compile(r"(?<=\d),(?=\d)"), re.compile(r"(?<=\d)\.(?=\d)"), ",\u00a0"
_SEPARATORS = {"en": (",", "."), "nl": (".", ","), "fr": ("\u202f", ",")}


class Texts:
    """Words in one language.

    Parameters
    ----------
    language
        A key of `LANGUAGES`.
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self._words = words(language)

    def __call__(self, key: str, /, **values: object) -> str:
        """Return the words of a key with values put in; a key that no file has is a fault of ours."""
        return self._words[key].format(**values)

    def number(self, text: str) -> str:
        """Return text in which numbers are written as English does, as this language writes them."""
        if self.language == DEFAULT:
            return text
        thousands, point = _SEPARATORS[self.language]
        text = text.replace(ABOUT_NOTHING, self._words["words.about_nothing"])
        text = _THOUSANDS.sub("\0", text)
        text = _POINT.sub(point, text).replace("\0", thousands)
        return text.replace(_BETWEEN, ";\u00a0")

    def get(self, key: str, otherwise: str) -> str:
        """Return the words of a key, or others where the files have none."""
        return self._words.get(key, otherwise)


@lru_cache(maxsize=len(LANGUAGES))
def words(language: str) -> dict[str, str]:
    """Return every key of a language with its words."""
    return {str(key): str(value) for key, value in read_yaml(Path(__file__).parent / f"{language}.yaml").data.items()}


def preferred(chosen: str | None, accepted: str) -> str:
    """Return a language: the one chosen, else the first that the browser asks for and we have, else English."""
    if chosen in LANGUAGES:
        return str(chosen)
    for part in accepted.split(","):
        code = part.split(";")[0].strip().lower()[:2]
        if code in LANGUAGES:
            return code
    return DEFAULT
