"""Writes special_tokens.json beside this file: model folders whose files disagree about special tokens, and what transformers makes
of each (ids, decoded text, the variables that templates get, a rendered chat).

Run it with a Python that has `transformers`. The tests read the result only.
"""

import copy
import json
import os
import pathlib
import tempfile

os.environ["TRANSFORMERS_VERBOSITY"] = "critical"

from transformers import PreTrainedTokenizerFast

HERE = pathlib.Path(__file__).parent
TEXT = "<a> <b> <c>i"
TEMPLATE = (
    "{{ bos_token }}|{{ eos_token }}|{{ pad_token }}|{{ unk_token }}|{{ image_token }}|{{ pad_token is defined }}|"
    "{{ messages[0].content }}|{{ messages[0]['content'] is none }}|{{ messages[0] | tojson }}"
)
MODEL = {
    "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
    "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
    "vocab": {character: id for id, character in enumerate("<>|abcdimgstr_ ")}, "merges": [],
}
TOKENIZER = {
    "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None, "pre_tokenizer": None,
    "post_processor": None, "decoder": {"type": "Fuse"}, "model": MODEL,
}


def token(content, id=None, **flags):
    described = {
        "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True,
    }
    described.update(flags)
    if id is not None:
        described["id"] = id
    return described


def typed(content, **flags):
    return {"__type": "AddedToken", "content": content, **flags}


PADDING = {
    "strategy": {"Fixed": 30}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0, "pad_token": "<",
}
TRUNCATION = {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0}
BOTH = [token("<a>", 15), token("<b>", 16)]

# name: (changes to tokenizer.json, tokenizer_config.json, other files)
FOLDERS = {
    "no other file": ({}, None, {}),
    "added_tokens_decoder with ids of its own": ({}, {"added_tokens_decoder": {"30": token("<a>"), "20": token("<b>")}}, {}),
    "extra_special_tokens as a list": ({}, {"extra_special_tokens": ["<a>", "<b>"]}, {}),
    "extra_special_tokens with objects": ({}, {"extra_special_tokens": [typed("<a>", rstrip=True), "<b>"]}, {}),
    "extra_special_tokens by name": ({}, {"extra_special_tokens": {"image_token": "<a>", "x": "<b>"}}, {}),
    "additional_special_tokens": ({}, {"additional_special_tokens": ["<a>"]}, {}),
    "the newer list alone": ({}, {"additional_special_tokens": ["<a>"], "extra_special_tokens": ["<b>"]}, {}),
    "names and a list": ({}, {"additional_special_tokens": ["<a>"], "extra_special_tokens": {"image_token": "<b>"}}, {}),
    "an empty newer list": ({}, {"additional_special_tokens": ["<a>"], "extra_special_tokens": []}, {}),
    "named in the configuration only": ({}, {"bos_token": "<a>", "eos_token": "i", "pad_token": "<c>"}, {}),
    "an object for a name": ({}, {"bos_token": typed("<b>", lstrip=True)}, {}),
    "a null name with an id in config.json": (
        {"added_tokens": BOTH}, {"bos_token": None, "eos_token": "<b>"}, {"config": {"bos_token_id": 15, "eos_token_id": 16}}),
    "no name with an id in config.json": ({"added_tokens": BOTH}, {}, {"config": {"bos_token_id": 15}}),
    "an id in the configuration": ({"added_tokens": BOTH}, {"bos_token_id": 15}, {}),
    "special_tokens_map.json": (
        {}, {}, {"special_tokens_map": {"bos_token": "<a>", "additional_special_tokens": ["<b>"], "image_token": "<c>"}}),
    "special_tokens_map.json without a configuration": (
        {}, None, {"special_tokens_map": {"bos_token": "<a>", "extra_special_tokens": ["<b>"]}}),
    "special_tokens_map.json before the configuration": (
        {}, {"bos_token": "<c>"},
        {"special_tokens_map": {"bos_token": {"content": "<a>", "lstrip": False, "rstrip": True, "normalized": False}}}),
    "special_tokens_map.json after added_tokens_decoder": (
        {}, {"added_tokens_decoder": {"15": token("<b>")}}, {"special_tokens_map": {"bos_token": "<a>"}}),
    "null in special_tokens_map.json": ({}, {"bos_token": "<c>"}, {"special_tokens_map": {"bos_token": None}}),
    "added_tokens.json": ({}, {"bos_token": "<a>"}, {"added_tokens": {"<b>": 16, "<a>": 15}}),
    "flags of the configuration before those of the file": (
        {"added_tokens": BOTH}, {"added_tokens_decoder": {"15": token("<a>", special=False, normalized=True)}}, {}),
    "a name makes a token special": (
        {"added_tokens": [token("<a>", 15, special=False, normalized=True)]}, {"bos_token": "<a>"}, {}),
    "names of the model's own": (
        {}, {"image_token": typed("<a>"), "y_token": "<b>", "z_token": 5, "n_token": None}, {}),
    "ids with gaps": ({"added_tokens": [token("<a>", 40), token("<b>", 30)]}, None, {}),
    "special tokens split": ({"added_tokens": BOTH + [token("<c>", 17, special=False)]}, {"split_special_tokens": True}, {}),
    "bos and eos asked for": (
        {"added_tokens": BOTH}, {"bos_token": "<a>", "eos_token": "<b>", "add_bos_token": True, "add_eos_token": True}, {}),
    "the same token twice": (
        {"added_tokens": [token("<a>", 15), token("<a>", 16, special=False, normalized=True)]}, None, {}),
    "an empty token": ({"added_tokens": [token("", 15), token("<a>", 16)]}, None, {}),
    "flags left out": ({}, {"added_tokens_decoder": {"15": {"content": "<a>"}}}, {}),
    "padding": ({"padding": PADDING}, {}, {}),
    "padding and a null pad_token": ({"padding": PADDING}, {"pad_token": None}, {}),
    "truncation": ({"truncation": TRUNCATION}, {"model_max_length": 3}, {}),
    "a special token that normalization changes": (
        {"normalizer": {"type": "Replace", "pattern": {"String": "<"}, "content": "["},
         "added_tokens": [token("<a>", 15, normalized=True), token("<b>", 16, normalized=True, special=False)]}, None, {}),
    "a plain piece made special": ({"added_tokens": [token("i", 3)]}, {"eos_token": "i"}, {}),
}
MESSAGES = {
    "text": [{"role": "user", "content": "Hi"}],
    "null": [{"role": "assistant", "content": None, "tool_calls": None, "name": "n"}],
    "reasoning": [{"role": "assistant", "content": "x", "reasoning": "because"}],
    "thinking": [{"role": "assistant", "reasoning_content": None, "thinking": "hm", "content": "x"}],
    "tool call": [
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": {"b": 1, "a": None}}}]}],
}


def folder(changes, configuration, others):
    tokenizer = copy.deepcopy(TOKENIZER)
    tokenizer.update(changes)
    if configuration is not None:
        configuration = {**configuration, "tokenizer_class": "PreTrainedTokenizerFast", "chat_template": TEMPLATE}
    files = {"tokenizer.json": tokenizer}
    if configuration is not None:
        files["tokenizer_config.json"] = configuration
    files.update({name + ".json": contents for name, contents in others.items()})
    return files


def result(files):
    with tempfile.TemporaryDirectory() as path:
        for name, contents in files.items():
            (pathlib.Path(path) / name).write_text(json.dumps(contents))
        tokenizer = PreTrainedTokenizerFast.from_pretrained(path)
    tokenizer.backend_tokenizer.no_padding()
    ids = tokenizer.encode(TEXT)
    golden = {
        "ids": ids, "kept": tokenizer.decode(ids), "skipped": tokenizer.decode(ids, skip_special_tokens=True),
        "variables": tokenizer.special_tokens_map,
    }
    if tokenizer.chat_template:
        golden["rendered"] = {
            name: tokenizer.apply_chat_template(messages, tokenize=False) for name, messages in MESSAGES.items()}
    return golden


def main():
    folders = []
    for name, parts in FOLDERS.items():
        files = folder(*parts)
        folders.append({"name": name, "files": files, **result(files)})
    document = {"text": TEXT, "messages": MESSAGES, "folders": folders}
    (HERE / "special_tokens.json").write_text(json.dumps(document, ensure_ascii=False) + "\n")


main()
