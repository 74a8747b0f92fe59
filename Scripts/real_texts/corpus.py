"""What every reader of a source makes, and how text is made plain.

A source is read into documents. A document is what is split as a whole: a page, a chapter, a stretch of a dictionary. It is a list of
blocks (paragraphs, verses, entries, pieces of code), each with what is known about it.
"""
import hashlib, re, unicodedata
from dataclasses import dataclass, field


@dataclass
class Block:
    """A paragraph, verse, entry or piece of code.

    `known` holds of this block alone; `glue` is what stands between the block before and this one.
    """

    text: str
    known: dict = field(default_factory=dict)
    glue: str = "\n\n"
    is_code: bool = False
    # A heading's rank, from 1; 0 for what is none.
    rank: int = 0

    @property
    def words(self):
        return len(self.text.split())


@dataclass
class Document:
    """What is split as a whole. `split_key` is what the split is drawn from; documents with the same key are never parted."""

    id: str
    package: str
    known: dict
    blocks: list
    split_key: str = ""

    def __post_init__(self):
        self.split_key = self.split_key or self.id


def share(seed, *names):
    """A number from 0 up to 1 that follows from the seed and the names alone."""
    digest = hashlib.blake2b("\0".join([str(seed), *map(str, names)]).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


ODD_SPACES = re.compile("[\u00a0\u2000-\u200a\u202f\u205f\u3000\t\f\v]")
# Soft hyphens, marks of direction and joining, the byte order mark, private characters, and controls other than the line feed.
UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ue000-\uf8ff\x00-\x09\x0b-\x1f\x7f-\x9f]")
OVERSTRIKE = re.compile(".\x08")


def plain(text):
    """Text in Unicode's normal form C, without characters that nobody sees."""
    text = unicodedata.normalize("NFC", OVERSTRIKE.sub("", text))
    return UNSEEN.sub("", ODD_SPACES.sub(" ", text.replace("\r\n", "\n").replace("\u2028", "\n").replace("\u2029", "\n")))


def one_line(text):
    """The same with every run of white space as one space."""
    return " ".join(plain(text).split())


# 8.15.  F.1.  3.1.1.  D.5.1  Chapter 8.  Appendix B.  Section 3 -
NUMBER = re.compile(r"^(?:(?:Chapter|Appendix|Part)\s+[\dA-Z]+[.:]\s+|(?:[A-Z]\.)?\d+(?:\.\d+)*\.?\s+(?=\S)|[A-Z](?:\.\d+)+\.?\s+)")


def title(text):
    """A heading without its number, or the text itself where nothing else is in it."""
    text = one_line(text)
    return NUMBER.sub("", text) or text
