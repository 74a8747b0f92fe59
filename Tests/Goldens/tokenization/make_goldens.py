"""Writes the goldens beside this file: tiny tokenizers with encodings, and chat templates with renderings.

Run it with a Python that has `tokenizers`, `transformers` and `jinja2`. The tests read the results only.
"""

import json
import pathlib

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from templates import TEMPLATES, SNIPPETS, MESSAGES, TOOLS

HERE = pathlib.Path(__file__).parent

CORPUS = [
    "The river runs past the old mill and the miller's daughter counts 12 ducks, 345 geese and 6789 swans.",
    "I'll say it again: we're here, they've gone, he'd know, it's fine. DON'T SHOUT! She said: \"Read it twice.\"",
    "    indented code:\n\n\tfor i in range(10):\n\t\tprint(i ** 2)  # squares\r\n\r\n",
    "Über den Fluß führt eine Brücke; naïve café façade, señor, Ærø, œuvre, İstanbul.",
    "Река течёт мимо старой мельницы. 河流过老磨坊。川は古い水車小屋を流れる。강은 흐른다.",
    "The river, the river, the mill, the mill and the old, old song of the river and the mill again and again.",
]

TEXTS = [
    "", " ", "  ", "   ", "\t", "\n", "\n\n", "\r\n", "\r\n\r\n x", " \n \n ", "a", " a", "a ", " a ", "  a  b  ",
    "The river runs past the old mill.", "the the the the", "DON'T don't we'Re I'LL 'tis 's",
    "12345678901234567890", "1 22 333 4444 55,555.5", "x1y22z333", "½ ² Ⅷ ٣ 一二三",
    "👩‍👩‍👧‍👦 family, 🏳️‍🌈 flag, 🇩🇪🇫🇷, 👍🏽", "e\u0301 é ñ n\u0303 \u0301lone \u0344 Å \u212b ﬁ Ⅳ ① ﷺ",
    "ẛ̣ q̣̇ 각 각 ᄒ\u1161ᆫ", "नमस्ते दुनिया", "مرحبا بالعالم", "שלום", "ไทยภาษา", "\u200b\u200d\ufeffzero\u00adwidth",
    "\x00\x01\x1f\x7f\x80\x9f", "a\u00a0b\u2003c\u3000d\u2028e\u2029f\x85g\u180eh", "\ufffd\U0010ffff\ue000", "ſ'ſ K",
    "x" * 70, " " * 40 + "y", "ab" * 40, "\n" * 9 + "z", "    for i in range(3):\n\t\tprint(i)\r\n",
    "<|im_start|>user\nHi<|im_end|>", "a <|im_end|> b", "a<mask>b", "a  <mask>  b", "<mask> <mask>", " \n<mask>\n ",
    "tool", "x tool y", "xtool tool, tooltool _tool tool1 étool tool\u0301", "Élan élan E\u0301lan", "<s>hi</s>", "<s> hi",
    "<|endoftext|><|endoftext|>", "<|im_start", "<|im_start|", "▁ ▁▁a▁", "a▁b", "<0x41><0x0A>", "a\n\nb\n\n\nc",
    "https://example.org/a?b=c&d=e#f", "snake_case camelCase kebab-case", "$1,234.56 + 50% = ?", "(a)[b]{c}<d>«e»“f”",
    "…—–‐ ‘’", "ÄÖÜ äöü ß ẞ", "İıIi ΑΣ ας", "\ta\tb", "end with space ", "🙂", "🙂🙂 🙃", "𝕏𝔘𝔫𝔦", "日本語のテキスト。漢字",
]

QWEN_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA3_PATTERN = QWEN_PATTERN.replace(r"|\p{N}|", r"|\p{N}{1,3}|")


O200K_PATTERN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
DEEPSEEK_PATTERNS = [
    r"\p{N}{1,3}", "[一-龥\u3040-ゟ゠-ヿ]+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|"
    r" ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
]


def train(tokenizer, size, alphabet=()):
    trainer = trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=list(alphabet), show_progress=False, special_tokens=["<unk>"]
    )
    tokenizer.train_from_iterator(CORPUS * 4, trainer)
    return tokenizer


def byte_level(size, pre_tokenizer):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    return train(tokenizer, size, pre_tokenizers.ByteLevel.alphabet())


def split(pattern):
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def edited(tokenizer, edit):
    document = json.loads(tokenizer.to_str())
    edit(document)
    return Tokenizer.from_str(json.dumps(document))


def sentence_piece(size, normalizer, pre_tokenizer, decoder, byte_fallback=True, fuse=True):
    """A vocabulary of <unk>, <s>, </s>, the bytes, and pieces trained with spaces written as ▁."""
    trained = Tokenizer(models.BPE(unk_token="<unk>"))
    trained.normalizer = normalizers.Replace(" ", "▁")
    trained.pre_tokenizer = pre_tokenizers.Split(Regex("▁+[^▁]*|[^▁]+"), "isolated")
    train(trained, size)

    def edit(document):
        model = document["model"]
        pieces = ["<unk>", "<s>", "</s>"]
        if byte_fallback:
            pieces += [f"<0x{byte:02X}>" for byte in range(256)]
        rare = {"ж", "œ", "磨", "ß"}
        pieces += [piece for piece in sorted(model["vocab"], key=model["vocab"].get) if not rare & set(piece)][1:]
        model["vocab"] = {piece: position for position, piece in enumerate(dict.fromkeys(pieces))}
        model["merges"] = [pair for pair in model["merges"] if "".join(pair) in model["vocab"]]
        model["byte_fallback"], model["fuse_unk"] = byte_fallback, fuse
        document["added_tokens"] = []

    tokenizer = edited(trained, edit)
    tokenizer.normalizer, tokenizer.decoder = normalizer, decoder
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in ["<s>", "</s>"]])
    return tokenizer


def with_bos(tokenizer, token, also=()):
    template = processors.TemplateProcessing(
        single=f"{token} $A", pair=f"{token} $A $B", special_tokens=[(token, tokenizer.token_to_id(token))]
    )
    tokenizer.post_processor = processors.Sequence([*also, template]) if also else template


def add_tokens(tokenizer):
    tokenizer.add_special_tokens(
        [
            AddedToken("<|endoftext|>", normalized=False),
            AddedToken("<|im_start|>", normalized=False),
            AddedToken("<|im_end|>", normalized=False, lstrip=True),
            AddedToken("<mask>", normalized=False, lstrip=True, rstrip=True),
        ]
    )
    tokenizer.add_tokens([AddedToken("tool", single_word=True), AddedToken("Élan", normalized=True)])


def make_tokenizers():
    gpt2 = byte_level(420, pre_tokenizers.ByteLevel(add_prefix_space=False))
    gpt2.add_special_tokens([AddedToken("<|endoftext|>", normalized=False)])
    yield "gpt-2", gpt2

    qwen = byte_level(420, split(QWEN_PATTERN))
    qwen.normalizer = normalizers.NFC()
    add_tokens(qwen)
    yield "qwen", qwen

    llama3 = byte_level(420, split(LLAMA3_PATTERN))
    add_tokens(llama3)
    with_bos(llama3, "<|endoftext|>", [processors.ByteLevel(trim_offsets=False)])

    def ignore_merges(document):
        # A word that no merges lead to, which only `ignore_merges` finds.
        document["model"]["ignore_merges"] = True
        document["model"]["vocab"]["xqzj"] = max(token["id"] for token in document["added_tokens"]) + 1

    TEXTS.append("xqzj xqzj")
    yield "llama-3", edited(llama3, ignore_merges)

    llama2 = sentence_piece(
        300,
        normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]),
        None,
        decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        ),
    )
    with_bos(llama2, "<s>")
    yield "llama-2", llama2

    gemma = sentence_piece(
        300,
        normalizers.Replace(" ", "▁"),
        pre_tokenizers.Split(" ", "merged_with_previous"),
        decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]),
    )
    gemma.add_tokens([AddedToken("\n\n", normalized=False), AddedToken("▁▁", normalized=True)])
    with_bos(gemma, "<s>")
    yield "gemma", gemma

    unknown = sentence_piece(
        300, None, pre_tokenizers.Metaspace(prepend_scheme="first"), decoders.Metaspace(prepend_scheme="first"), False, False
    )
    yield "metaspace", unknown


def make_variants():
    """Normalizers, pre-tokenizers and decoders around one model whose merges cross everything they split at."""
    N, P, D = normalizers, pre_tokenizers, decoders
    tokenizer = byte_level(560, P.ByteLevel(add_prefix_space=False, use_regex=False))
    byte_pieces = P.ByteLevel(add_prefix_space=False, use_regex=False)
    behaviors = ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]
    changes = [("none", None, None)]
    for form in [N.NFC(), N.NFD(), N.NFKC(), N.NFKD(), N.Lowercase(), N.Strip(), N.Strip(left=False), N.Prepend("_")]:
        changes.append((repr(form), form, None))
    changes += [
        ("strip accents", N.Sequence([N.NFD(), N.StripAccents()]), None),
        ("replace regex", N.Replace(Regex(r"\s{2,}|\d"), "$1"), None),
    ]
    for behavior in behaviors:
        changes.append((f"split string {behavior}", None, P.Split("e", behavior)))
        changes.append((f"split regex {behavior}", None, P.Split(Regex(r"[aeiou]|\s+"), behavior)))
        changes.append((f"split inverted {behavior}", None, P.Split(Regex(r"\w+"), behavior, invert=True)))
        changes.append((f"punctuation {behavior}", None, P.Punctuation(behavior)))
    for step in [P.Digits(True), P.Digits(False), P.Whitespace(), P.WhitespaceSplit(), P.ByteLevel(add_prefix_space=True)]:
        changes.append((repr(step), None, step))
    changes.append(("lines", None, P.Split(Regex(r"^\s*\S+|\S$"), "isolated")))
    changes.append(("empty matches", None, P.Split(Regex(r"(?=[A-Z])|x*"), "isolated")))
    for number, pattern in enumerate([O200K_PATTERN, *DEEPSEEK_PATTERNS]):
        changes.append((f"real pattern {number}", None, P.Split(Regex(pattern), "isolated")))
    for scheme in ["always", "never", "first"]:
        changes.append((f"metaspace {scheme}", None, P.Metaspace(prepend_scheme=scheme)))
    changes.append(("metaspace after words", None, P.Sequence([P.WhitespaceSplit(), P.Metaspace(prepend_scheme="first")])))
    variants = []
    for name, normalizer, pre_tokenizer in changes:
        tokenizer.normalizer = normalizer
        is_last = isinstance(pre_tokenizer, P.ByteLevel)
        steps = [step for step in [pre_tokenizer, None if is_last else byte_pieces] if step is not None]
        tokenizer.pre_tokenizer = P.Sequence(steps)
        document = json.loads(tokenizer.to_str())
        patch = {key: document[key] for key in ["normalizer", "pre_tokenizer"]}
        variants.append(
            {"name": name, "patch": patch, "ids": [tokenizer.encode(text).ids for text in VARIANT_TEXTS]}
        )
    tokenizer.normalizer, tokenizer.pre_tokenizer = None, byte_pieces
    base = json.loads(tokenizer.to_str())
    decoded = []
    pieces = [[0x54, 0x68], list(range(60, 90)), list(range(250, 300)), [300, 310, 0, 320]]
    for decoder in [None, D.ByteLevel(), D.Fuse(), D.Strip("h", 1, 0), D.Strip("r", 0, 1), D.Replace("r", "R"), D.Replace(Regex("[a-f]+"), ""),
                    D.Metaspace("e", "always"), D.Metaspace("e", "never"),
                    D.Sequence([D.ByteLevel(), D.Replace(" the", "<>"), D.Strip("T", 3, 2)])]:
        document = dict(base, decoder=None if decoder is None else json.loads(decoder.__getstate__()))
        rebuilt = Tokenizer.from_str(json.dumps(document))
        decoded.append(
            {"decoder": document["decoder"], "cases": [{"ids": ids, "text": rebuilt.decode(ids)} for ids in pieces]}
        )
    return {"base": base, "texts": VARIANT_TEXTS, "variants": variants, "decoders": decoded}


VARIANT_TEXTS = [
    "The river runs past the old mill and the miller's daughter counts 12 ducks, 345 geese.", "  two  spaces  ",
    "a\u00a0b\u2003c\x85g\u180eh\u3000i", "e\u0301 é Å \u212b ﬁ Ⅳ ① 각 İ ΑΣ", "x1½²Ⅷ٣一 (a)«b»…! $+<>^`|~ _-_ ¿?",
    "a\u20d0\u20e5\u20d3 \u0f70\u0f71\u0f72\u0f73\u0f74\u0f75 \u0f80\u0f81", "xXxXXx\nY\nzz Z\r\n y", "▁a ▁b ▁▁c", "नमस्ते 👩‍👧 e", " the old the old\n\n\nthe old", "",
]


def encode_cases(tokenizer):
    cases = []
    for text in TEXTS:
        ids = tokenizer.encode(text).ids
        case = {"text": text, "ids": ids, "plain": tokenizer.encode(text, add_special_tokens=False).ids}
        case["decoded"] = tokenizer.decode(ids)
        case["decoded_special"] = tokenizer.decode(ids, skip_special_tokens=False)
        if case["plain"] == ids:
            del case["plain"]
        for key in ["decoded", "decoded_special"]:
            if case[key] == text:
                del case[key]
        cases.append(case)
    return cases


def render(template, messages, **variables):
    from transformers.utils.chat_template_utils import (
        _alias_reasoning_fields, _compile_jinja_template, _normalize_chat_messages)

    messages = _alias_reasoning_fields(_normalize_chat_messages(messages))
    try:
        return {"rendered": _compile_jinja_template(template).render(messages=messages, documents=None, **variables)}
    except Exception as error:  # whatever Jinja or Python makes of it
        return {"error": str(error).split("\n")[0]}


def make_templates():
    goldens = []
    for name, template in TEMPLATES.items():
        for messages_name, messages in MESSAGES.items():
            for tools in [None, TOOLS]:
                variables = {"add_generation_prompt": tools is None or messages_name == "tools"}
                variables |= {"bos_token": "<bos>", "eos_token": "<eos>"}
                result = render(template, messages=messages, tools=tools, **variables)
                goldens.append({"template": name, "messages": messages_name, "tools": tools is not None} | variables | result)
    snippets = []
    for snippet in SNIPPETS:
        result = render(snippet, messages=MESSAGES["chat"], tools=TOOLS, add_generation_prompt=True, bos_token="<bos>")
        snippets.append({"source": snippet} | result)
    return {
        "templates": TEMPLATES, "messages": MESSAGES, "tools": TOOLS, "renderings": goldens, "snippets": snippets
    }


def write(name, document):
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    (HERE / name).write_text(text.encode("utf-8", "replace").decode() + "\n", encoding="utf-8", newline="")


if __name__ == "__main__":
    for name, tokenizer in make_tokenizers():
        write(f"tokenizer-{name}.json", {"tokenizer": json.loads(tokenizer.to_str()), "cases": encode_cases(tokenizer)})
    write("variants.json", make_variants())
    write("templates.json", make_templates())
