"""The words of the interface, one YAML file for each language: ``key: words``, braces where a value goes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from paysim.reading import read_yaml
from paysim.report.wording import ABOUT_NOTHING
from paysim.web.texts.phrases import phrase, written

LANGUAGES = {"en": "English", "nl": "Nederlands", "fr": "Français"}
DEFAULT = "en"

_BETWEEN = ",\u00a0"


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
        text = text.replace(ABOUT_NOTHING, self._words["words.about_nothing"])
        return written(text, self.language).replace(_BETWEEN, ";\u00a0")

    def said(self, text: str) -> str:
        """Return what the model says in English (a label, a unit, a caveat) in this language, as far as it is known."""
        return text if self.language == DEFAULT else phrase(text, self.language) or text

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
