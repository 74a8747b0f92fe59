"""Writes unicode.json beside this file: digests of what the `tokenizers` package makes of every character, and of many in a row.

A text holds each character up to U+2FFFF once; another one is drawn at random from characters that normalization reorders, composes
and takes apart. A tokenizer whose tokens are bytes encodes and decodes them behind each component, with "▁" before each word.

Run it with a Python that has `tokenizers`. The tests read the result only.
"""

import json
import pathlib

from tokenizers import Tokenizer, pre_tokenizers

MASK = 2**64 - 1
POOL = (
    "aeoA\xe5\xc5\u1e9b\u0301\u0323\u0307\u0308\u0334\u0345\u0327\u0344\u0f71\u0f72\u0f73\u0f74\u1100\u1161\u11a8\uac00\uac01\u0b47"
    "\u0b3e\u0b57\u09c7\u09be\u212b\ufb01\u3099\u30ab\u0958\u093c\u0915\u05d0\u05b7\u05bc\u1025\u102e\u0374\u2126\ufdfa\u0bc6\u0bbe"
    "\u0dd9\u0dca\u0dcf\u1d16\U0001d165\U0001d158\U0001d16e\u0338=\u2260\u2adc\u1f82\u0313\u0342\xa0\xbd\uff76\uff9e\u0f81\u1fbe"
)
COMPONENTS = {
    **{form: {"normalizer": {"type": form}} for form in ["NFC", "NFD", "NFKC", "NFKD", "StripAccents"]},
    "Punctuation": {"pre_tokenizer": {"type": "Punctuation", "behavior": "Isolated"}},
    "Digits": {"pre_tokenizer": {"type": "Digits", "individual_digits": True}},
    "Whitespace": {"pre_tokenizer": {"type": "Whitespace"}},
    "WhitespaceSplit": {"pre_tokenizer": {"type": "WhitespaceSplit"}},
    "Strip": {"normalizer": {"type": "Strip", "strip_left": True, "strip_right": True}},
}


def numbers(seed):
    """SplitMix64."""
    while True:
        seed = (seed + 0x9E3779B97F4A7C15) & MASK
        mixed = ((seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
        yield mixed ^ (mixed >> 31)


def digest(text):
    """FNV-1a of the UTF-8."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return f"{value:x}"


def main():
    every = "".join("a" + chr(c) + "\n" for c in range(0x30000) if not 0xD800 <= c < 0xE000)
    random = "".join(POOL[number % len(POOL)] for number, _ in zip(numbers(5), range(20_000)))
    cases = []
    for name, parts in COMPONENTS.items():
        pre = [parts["pre_tokenizer"]] if "pre_tokenizer" in parts else []
        document = {
            "version": "1.0", "added_tokens": [], "normalizer": parts.get("normalizer"),
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": pre + [
                {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": False},
                {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]},
            "post_processor": None, "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
            "model": {"type": "BPE", "vocab": {c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, "merges": []},
        }
        tokenizer = Tokenizer.from_str(json.dumps(document))
        texts = {"every": every, "random": random}
        cases.append({"name": name, "tokenizer": document, **{
            key: digest(tokenizer.decode(tokenizer.encode(text).ids)) for key, text in texts.items()}})
        del document["model"]["vocab"]
    vocabulary = sorted(pre_tokenizers.ByteLevel.alphabet())
    path = pathlib.Path(__file__).parent / "unicode.json"
    path.write_text(json.dumps({"pool": POOL, "vocabulary": vocabulary, "cases": cases}, ensure_ascii=True, indent=1) + "\n")


main()
