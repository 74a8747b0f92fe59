"""Writes cases.json beside this file: what Scripts/fuzz_tokenizers.py found, made small, with what `tokenizers` and transformers say.

Run it with a Python that has `tokenizers` and `transformers`. The tests read the result only.
"""

import json
import os
import pathlib

os.environ["TRANSFORMERS_VERBOSITY"] = "critical"

from tokenizers import Tokenizer
from transformers.utils import chat_template_utils

BYTES = sorted({"a"} | set("!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~ ▁éÉßÅ中文、²\u0301\u0345\n\t"))
PIECES = ["<unk>", *BYTES, "a▁", "▁a", "ab", "▁ab", "Ġ", "Ã", "Ċ", "<0x3A>", "<0xC3>"]
MODEL = {
    "type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": None,
    "fuse_unk": False, "byte_fallback": False, "ignore_merges": False, "vocab": {piece: id for id, piece in enumerate(PIECES)},
    "merges": [["a", "▁"], ["▁", "a"], ["a", "b"], ["▁a", "b"]],
}
TEXTS = [
    "", " ", "a", " a", "  a", "ab ab", " ab  ab ", "é", "e\u0301a", " é a", "a.b", "中文 a", "x y", "x  y", "x    y", "\n\n", "z\n\n z", "x y z",
    "<s> a", "<s>a", " <s>a<s> ab", "a²b", "\u0345a", "、中", "\u1c89", "a\u1c89b", "\u0897", "\U00031350", "12 345a", "a\u00a0b\u2003c", "A-B_c", "\x00\x07a\u200bb\ufffd",
]
FIRST = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}
ALWAYS, NEVER = {**FIRST, "prepend_scheme": "always"}, {**FIRST, "prepend_scheme": "never", "split": False}


def token(content, **flags):
    described = {"content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    return {**described, **flags}


def normalizers(*parts): return {"type": "Sequence", "normalizers": list(parts)}


def words(*parts): return {"type": "Sequence", "pretokenizers": list(parts)}


def split(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def regex(expression): return {"Regex": expression}


def replace(pattern, content): return {"type": "Replace", "pattern": pattern, "content": content}


def template(*single):
    pieces = [{"Sequence": {"id": piece, "type_id": 0}} if piece in ("A", "B") else {"SpecialToken": {"id": piece, "type_id": 0}} for piece in single]
    special = {piece: {"id": piece, "ids": [PIECES.index(p) for p in piece], "tokens": list(piece)} for piece in single if piece not in ("A", "B")}
    return {"type": "TemplateProcessing", "single": pieces, "pair": pieces + [{"Sequence": {"id": "B", "type_id": 1}}], "special_tokens": special}


STRIP = {"type": "Strip", "strip_left": True, "strip_right": False}
BERT = {"type": "BertProcessing", "sep": ["s", PIECES.index("s")], "cls": ["c", PIECES.index("c")]}
ROBERTA = {**BERT, "type": "RobertaProcessing", "trim_offsets": True, "add_prefix_space": True}
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
BERT_NORMALIZER = {"type": "BertNormalizer", "clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False}

TOKENIZERS = {
    "Strip, then Metaspace first": {"normalizer": STRIP, "pre_tokenizer": FIRST},
    "Metaspace first": {"pre_tokenizer": FIRST},
    "Metaspace first behind added tokens": {"pre_tokenizer": FIRST, "added_tokens": [token("<s>", special=True)]},
    "Metaspace first behind an added token that strips": {"pre_tokenizer": FIRST, "added_tokens": [token("<s>", lstrip=True, rstrip=True)]},
    "Prepend, a token in what was put before, then first": {
        "normalizer": {"type": "Prepend", "prepend": "▁▁"}, "pre_tokenizer": FIRST, "added_tokens": [token("▁", normalized=True)]},
    "several words in what was put before": {
        "normalizer": {"type": "Prepend", "prepend": "x y "}, "pre_tokenizer": words({"type": "WhitespaceSplit"}, FIRST)},
    "Strip and Prepend": {"normalizer": normalizers(STRIP, {"type": "Prepend", "prepend": "▁"}), "pre_tokenizer": FIRST},
    "words of characters taken apart": {"normalizer": {"type": "NFD"}, "pre_tokenizer": words(split(regex(r"\p{M}")), FIRST)},
    "words of characters put together": {"normalizer": {"type": "NFC"}, "pre_tokenizer": words({"type": "FixedLength", "length": 1}, FIRST)},
    "Replace, then first": {"normalizer": replace(regex(r"\s+"), "▁"), "pre_tokenizer": words(split({"String": "▁"}), FIRST)},
    "first twice": {"pre_tokenizer": words(FIRST, split({"String": "▁"}), FIRST)},
    "ByteLevel, then first": {"pre_tokenizer": words({**BYTE_LEVEL, "use_regex": False}, split({"String": "Ġ"}), FIRST)},
    "always, split": {"pre_tokenizer": words(split(regex(r"\d")), ALWAYS)},
    "never": {"pre_tokenizer": NEVER},
    "tokens that take white space along": {"added_tokens": [token("\n", lstrip=True, rstrip=True), token(" y", lstrip=True), token("x", rstrip=True), token("  ")]},
    "a template, then BERT's": {"post_processor": {"type": "Sequence", "processors": [template("xy", "A", "z"), BERT]}},
    "a template, then RoBERTa's": {"post_processor": {"type": "Sequence", "processors": [template("xy", "A"), ROBERTA]}},
    "a template, then another": {"post_processor": {"type": "Sequence", "processors": [template("A", "x"), template("y", "A", "z")]}},
    "BERT's, then a template": {"post_processor": {"type": "Sequence", "processors": [BERT, template("x", "A", "yz")]}},
    "nothing replaced": {"normalizer": replace({"String": ""}, "x")},
    "split at nothing": {"pre_tokenizer": split({"String": ""}, "Contiguous", True)},
    "an expression that matches nothing at the end": {"normalizer": replace(regex("b*"), "x")},
    "word boundaries": {"normalizer": replace(regex(r"\b"), "|")},
    "no word boundaries": {"normalizer": replace(regex(r"\B"), "|")},
    "words": {"pre_tokenizer": split(regex(r"\w+"), "Removed")},
    "what is no word, in a class": {"pre_tokenizer": split(regex(r"[^\w\s]+"), "Removed")},
    "a complement in a class": {"pre_tokenizer": split(regex(r"[\W\d]"), "Removed")},
    "a complement in a complement": {"pre_tokenizer": split(regex(r"[^\Wab]+"), "Removed")},
    "white space in a complement": {"pre_tokenizer": split(regex(r"[^\S\n]+"), "Removed")},
    "hexadecimal digits": {"pre_tokenizer": split(regex(r"\h+|\H"), "Isolated")},
    "a repetition that begins at none": {"pre_tokenizer": split(regex("x {,2}y"), "Removed")},
    "a repetition repeated": {"pre_tokenizer": split(regex(r" {1,2}+|\x{61}+"), "Removed")},
    "a dot that matches line ends": {"pre_tokenizer": split(regex("(?m:z.)"), "Removed")},
    "a vertical tab, and letters that are none of PCRE2's": {"pre_tokenizer": split(regex(r"\v|[\v]|\Qa"), "Removed")},
    "Greek": {"pre_tokenizer": split(regex(r"\p{Greek}"), "Removed")},
    "Han": {"pre_tokenizer": split(regex(r"[\p{Han}x]+"), "Removed")},
    "not Han": {"pre_tokenizer": split(regex(r"\P{Han}|\p{^Latin}"), "Removed")},
    "letters of later versions": {"pre_tokenizer": split(regex(r"\p{L}+"), "Removed")},
    "marks of later versions": {"pre_tokenizer": split(regex(r"\p{M}"), "Removed")},
    **{f"BERT's normalizer, {flag}": {"normalizer": {**BERT_NORMALIZER, flag: True}} for flag in ["clean_text", "handle_chinese_chars", "strip_accents", "lowercase"]},
    "BERT's normalizer, accents by default": {"normalizer": {**BERT_NORMALIZER, "strip_accents": None, "lowercase": True}},
    "BERT's normalizer, then first": {"normalizer": {**BERT_NORMALIZER, "clean_text": True, "handle_chinese_chars": True}, "pre_tokenizer": words({"type": "WhitespaceSplit"}, FIRST)},
    "Nmt": {"normalizer": {"type": "Nmt"}},
    "bytes as a normalizer": {"normalizer": {"type": "ByteLevel"}},
    "BERT's words": {"pre_tokenizer": words({"type": "BertPreTokenizer"}, ALWAYS)},
    "a delimiter": {"pre_tokenizer": words({"type": "CharDelimiterSplit", "delimiter": "a"}, ALWAYS)},
    "words of a length": {"pre_tokenizer": words({"type": "FixedLength", "length": 2}, ALWAYS)},
}
IDS = [[], [1], [PIECES.index(p) for p in ["Ã", "Ġ", "▁", "a", "é"]], [PIECES.index(p) for p in ["<0x3A>"]], [PIECES.index(p) for p in ["Ã", "<0xC3>", "<0x3A>", "a"]]]
DECODERS = [
    {"type": "Sequence", "decoders": steps} for steps in [
        [{"type": "Fuse"}, BYTE_LEVEL], [BYTE_LEVEL, BYTE_LEVEL], [BYTE_LEVEL, {"type": "ByteFallback"}],
        [{"type": "Fuse"}, {"type": "ByteFallback"}], [{"type": "Fuse"}, replace({"String": ""}, "-")], [{"type": "Fuse"}, replace(regex("^"), "-")],
        [replace({"String": ""}, "-")], [replace(regex("a|$"), "-")], [{"type": "Fuse"}, NEVER],
    ]
]

MESSAGES = [{"role": "user", "content": "Hello, World"}, {"role": "assistant", "content": "don't"}, {"role": "user", "content": "Straße İ"}]
VARIABLES = {"s": "given", "d": {"b": 1, "a": [None, True]}, "w": ["b", "A", "B", "a"], "n": 3, "add": [{"k": "B", "v": 1}, {"k": "b", "v": 2}, {"v": 3}]}
TEMPLATES = [
    "{{ range(4) }}|{{ range(1, 7, 2) }}|{{ range(5)[1:3] }}|{{ range(5)[::-1] }}|{{ range(3)[1] }}|{{ range(3) == range(0, 3) }}|{{ range(0) is sequence }}|{{ range(3)|list }}",
    "{{ d.items() }}|{{ d.keys() }}|{{ d.values() }}|{{ d.items() is sequence }}|{{ d.keys() is iterable }}|{{ d.keys()|length }}|{{ 'a' in d.keys() }}|{{ d.keys() == {'a': 1, 'b': 2}.keys() }}|{{ d.values() == d.values() }}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{{ d.items()|list }}{{ d.keys()|join('-') }}{{ d.values()|first }}{{ d.keys()|last }}{{ [d.keys()] }}",
    "{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m() }}|{{ m(1) }}|{{ m(1, 2, 3) }}|{{ m(1, b=2, c=3) }}|{{ m(b=1) }}",
    "{% macro m() %}{{ caller('x') if caller else 'none' }}{{ m }}{{ m.name }}{% endmacro %}{{ m() }}|{% call(q) m() %}<{{ q }}>{% endcall %}",
    "{% macro m() %}{{ kwargs }}{% endmacro %}{% call m() %}{% endcall %}",
    "{% for m in messages %}{% if m.role == 'user' %}{% continue %}{% endif %}{{ m.role }}{% else %}none{% endfor %}",
    "{% for m in messages %}{% break %}{% else %}none{% endfor %}|{% for m in messages %}{% continue %}{% else %}none{% endfor %}|{% for m in [] %}{% else %}none{% endfor %}",
    "{{ missing is callable }}{{ range is callable }}{{ s is callable }}{% for m in w %}{% if loop.first %}{{ loop is callable }}{{ loop }}{% endif %}{% endfor %}",
    "{{ messages[2].content.casefold() }}|{{ 'ẞıſ Ꭰꭰ Σς'.casefold() }}",
    "{{ 'role'.startswith('o', 1) }}{{ 'role'.startswith('l', 1, 2) }}{{ 'role'.endswith('l', 0, -1) }}{{ 'abcabc'.find('c', 3) }}{{ 'abcabc'.count('b', -3) }}{{ 'abcabc'.rindex('a') }}{{ 'abc'.find('a', 9) }}{{ 'abc'.find('', 1, 2) }}{{ 'aé'.find('é', -1) }}",
    "{% for m in messages %}[{{ s }}]{% endfor %}{% set s = 1 %}{{ s }}",
    "[{{ s }}]{% for m in w %}[{{ s }}]{% endfor %}{% set s = 1 %}{{ s }}",
    "{% macro m() %}[{{ s }}]{% endmacro %}{{ m() }}{% set s = 1 %}{{ m() }}",
    "{% for m in w %}{% for x in w %}[{{ s }}]{% endfor %}{% set s = m %}{% endfor %}{{ s }}",
    "{% for m in w %}{% if loop.first %}{% set s = m %}{% endif %}[{{ s }}]{% endfor %}{{ s }}",
    "{% if false %}{% set s = 1 %}{% endif %}{{ s }}{% set v %}[{{ s }}]{% endset %}{{ v }}{% with s = 2 %}{{ s }}{% endwith %}{{ s }}",
    "{% if n %}{% for m in w %}[{{ s }}]{% endfor %}{% else %}{% set s = 1 %}{% endif %}{{ s }}",
    "{% with t = s %}{{ t }}{% set s = 5 %}{{ s }}{% endwith %}{{ s }}{% filter upper %}{{ s }}{% set s = 'x' %}{{ s }}{% endfilter %}",
    "{{ add|groupby('k', default='c') }}|{{ w|groupby('0') }}|{% for k, l in add|groupby('k', default='b', case_sensitive=true) %}{{ k }}{{ l|length }}{% endfor %}",
    "{{ 'aé'.isascii() }}{{ ''.isascii() }}{{ 'a\\n'.isprintable() }}{{ ''.isprintable() }}{{ 'e\\u0301a b_c'|wordcount }}",
    "{{ 'ΑΣ ΑΣ. ΣΑ Σ'.lower() }}|{{ 'ΑΣΑ ΑΣ'|lower }}|{{ 'ασ ΑΣ'.title() }}|{{ 'ΑΣ-ΑΣ'|title }}|{{ 'ΑΑΣ'.capitalize() }}|{{ 'aB ǅ ß'.swapcase() }}",
    "{{ 'a b \\n'.split(none, 1) }}|{{ ' a b  '.split(maxsplit=1) }}|{{ ' a b '.split() }}|{{ (-0) ** n }}|{{ -0.0 ** n }}|{{ (0 / -1) // -1 }}",
    "{{ 0 % -1.75 }}|{{ -3.5 % 1 }}|{{ -2.0 % 1 }}|{{ 0.0 // -2 }}|{{ -0.5 // 1 }}|{{ 7.5 // 2 }}",
    "{{ '１２'|int }}|{{ ' 1_000 '|int }}|{{ '1__0'|int }}|{{ '0x1f'|int }}|{{ '-0x1F'|int(0, 16) }}|{{ '0b11'|int(base=2) }}|{{ '٣.５'|float }}|{{ '0x1f'|float }}|{{ 'inf'|int(7) }}|{{ '1e3'|int }}",
    "{{ 1.5 is odd }}{{ -1 is odd }}{{ 3.0 is odd }}{{ 0.5 is even }}{{ -4 is divisibleby 2 }}{{ 4.5 is divisibleby 1 }}",
    "{{ 'a'|safe + '<' }}|{{ '<' + 'a'|safe }}|{{ ('<'|e) ~ '<' }}|{{ [s|safe] }}|{{ '<'|e|e }}|{{ '<'|e|forceescape }}|{{ ('ab'|safe)[0] + '&' }}|{{ ('ab'|safe) == 'ab' }}|{{ ('ab'|safe)|upper + '&' }}|{{ ('ab'|safe)|replace('a', '<') + '&' }}",
    "{{ 'x'|safe|tojson }}{{ {'a'|safe: 1}.a }}{{ 'a' in 'ab'|safe }}{{ ('a'|safe) * 2 + '<' }}{{ ' a '|safe|trim + '<' }}{{ (' a '|safe).strip() + '<' }}{{ 'a'|safe is escaped }}",
    "{{ (-1) ** n }}|{{ -2 ** n }}|{{ (-1) ** 3 }}|{{ -(1 / 1e20)|round(method='ceil') }}|{{ 2.4|round(method='floor') }}",
    "{{ -5 // 'inf'|float }}|{{ 5 // 'inf'|float }}|{{ 5 // -('inf'|float) }}|{{ -5 % 'inf'|float }}",
    "{{ d.items() == {'a': [none, true], 'b': 1.0}.items() }}{{ d.items() == {'a': [], 'b': 1}.items() }}{{ {('a', 1): 2}.keys() == {'a': 1}.items() }}{{ d.keys() == d.items() }}",
    "{{ (-8) ** (1.0) }}|{{ 2 ** -1 }}|{{ 0 ** 0 }}|{{ 2.0 ** 0.5 }}",
]
# What Python refuses, and what it shows otherwise than we could.
REFUSED = [
    "{{ dict }}", "{{ d.items }}", "{{ [d.get] }}", "{{ d|items }}", "{{ namespace(a=1) }}", "{{ (-8) ** 0.5 }}", "{{ 'a'.upper(1) }}",
    "{{ 'a'|upper(1) }}", "{{ 'a'|trim(foo=1) }}", "{{ none[1:2] }}", "{{ range(3)|tojson }}", "{{ d.keys()|tojson }}", "{{ range(2) + [1] }}",
    "{% macro m() %}{% endmacro %}{{ m(1) }}", "{% macro m() %}{% endmacro %}{{ m(a=1) }}", "{% macro m() %}{% endmacro %}{% call m() %}{% endcall %}",
    "{{ 1e20|int }}", "{{ 'a'|tojson(indent='') }}", "{{ ('a'|safe).replace('a', '<') }}", "{{ ('%s'|safe) % 'a' }}",
    "{{ 0.0 ** -1 }}", "{{ self }}", "{{ 'a'.startswith(1) }}",
    "{{ range(0, 9223372036854775807, 4611686018427387904)[::4] }}", "{{ range(0, 5, 4611686018427387905)[::9223372036854775807] }}",
    "{% set ns = namespace(x='a'|safe) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
]


def load(**parts):
    document = {"version": "1.0", "truncation": None, "padding": None, "normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None, "added_tokens": [], "model": MODEL}
    return Tokenizer.from_str(json.dumps({**document, **parts}))


def main():
    tokenizers = []
    for name, parts in TOKENIZERS.items():
        added = [{"id": len(PIECES) + i, **t} for i, t in enumerate(parts.get("added_tokens", []))]
        loaded = load(**{**parts, "added_tokens": added})
        tokenizers.append({"name": name, "parts": {**parts, "added_tokens": added}, "ids": [loaded.encode(text).ids for text in TEXTS]})
    decoders = []
    for decoder in DECODERS:
        loaded = load(decoder=decoder)
        decoders.append({"decoder": decoder, "texts": [loaded.decode(ids, skip_special_tokens=False) for ids in IDS]})

    def render(source):
        return chat_template_utils.render_jinja_template([MESSAGES], chat_template=source, **VARIABLES)[0][0]

    templates = [{"source": source, "text": render(source)} for source in TEMPLATES]
    document = {
        "model": MODEL, "texts": TEXTS, "tokenizers": tokenizers, "ids": IDS, "decoders": decoders, "messages": MESSAGES, "variables": VARIABLES,
        "templates": templates, "refused": REFUSED,
    }
    path = pathlib.Path(__file__).parent / "cases.json"
    path.write_text(json.dumps(document, ensure_ascii=True, separators=(",", ":")).replace('{"name":', '\n{"name":').replace('{"source":', '\n{"source":') + "\n")


main()
