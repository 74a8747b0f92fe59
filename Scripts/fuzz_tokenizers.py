"""Random tokenizers and chat templates, read by our Tokenization and by tokenizers and transformers: what they make of texts must be equal.

usage: fuzz_tokenizers.py [--program .build/release/TokenizationCases] [--cases 2000] [--first 0] [--seed 1]
                          [--only tokenizers|templates] [--folders DIR] [--templates DIR] [--verbose]
needs: pip install tokenizers transformers jinja2

A case is a random tokenizer.json (model, normalizers, pre-tokenizers, decoders, added tokens with every flag) with texts of nasty Unicode
and ids to decode, or a random Jinja template with a random conversation. It follows from the seed and its number alone. With --folders,
the texts go through the tokenizers of real folders instead; with --templates, random conversations through real templates. Outcomes:

    equal            ids, texts with and without special tokens, streamed or whole; or the rendered conversation
    both refuse
    we refuse        in one line that names what is not supported; counted by what
    they refuse      we read or render it; counted by their error, each kind is to be looked at
    they vary        normalization makes tokens equal, and which of them the package finds changes from load to load
    DIFFERENT        a fault
    CRASH            a fault: our program ended
    NAMELESS         a fault: our line names nothing

Exit status 1 if there is a fault.
"""
import argparse, collections, glob, json, os, random, re, resource, subprocess, sys, warnings

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="critical", TOKENIZERS_PARALLELISM="false", RUST_BACKTRACE="0")
warnings.filterwarnings("ignore")
from tokenizers import Tokenizer, pre_tokenizers

BYTES = sorted(pre_tokenizers.ByteLevel.alphabet())
LETTERS = "abcdeéABCÉßſ"
MARKS = "\u0301\u0323\u0307\u0327\u0344\u0345\u0f73\u1161\u11a8\u3099\u05bc\ufe0f\u20e3"
SPACES = [" ", " ", " ", "  ", "\t", "\n", "\r\n", "\xa0", "\u2003", "\u3000", "\u2028", "\x85", "\x0b", "\x1c", "\u180e", "\u200b", "\ufeff"]
ODD = [
    "\x00", "\x01", "\x7f", "\x9f", "\xad", "\ufffd", "\ud7ff", "\ue000", "\U0010ffff", "\ufffe", "\u200d", "\u200c", "\u2060", "👩\u200d👧", "🏳️\u200d🌈",
    "🇩🇪", "中", "文字", "、", "가", "각", "ᄀ", "ﬁ", "Ⅳ", "①", "½", "²", "٣", "１", "Ａ", "ｶ", "İ", "ı", "Σ", "ς", "ǅ", "K", "Å", "\u1e9b\u0323", "𝕏", "\U000e0041", "ﷺ",
    "\u1c89", "\U00010d50", "\u0897", "\U00031350", "_", "-", "'s", "'LL", ".", "!?", "<", ">", "$", "+", "^", "`", "«", "…", "—", "\u0378", "\u1d7f", "ꟍ", "𞤀", "ﾊﾟ", "‿",
]
WORDS = ["ab", "abc", "a", "b", "ba", "cab", "▁", "▁a", "▁ab", "Ab", "12", "345", "x", "tool", "Élan", "élan", "don't", "##b", "@@", "</w>", "<0x41>", "<0x0A>", "<0xC3>", "zz"]
TOKENS = ["<s>", "</s>", "<unk>", "<m>", "<m> ", " <m>", "tool", "to", "ab", "ab c", "é", "É", "e\u0301", " ", "  ", "▁", "\n", "<|x|>", "<|x", "中", "_", "a", "ÅB", "12", "\u0301", "ﬁ"]


# ---- Random tokenizers

def pick(r, share, value, other=None): return value if r.random() < share else other


def pattern(r):
    if r.random() < 0.45: return {"String": r.choice([" ", "a", "ab", "  ", "▁", "b", "\n", "é", "e\u0301", "", "##", "<"])}
    return {"Regex": r.choice([
        r"\s+", r"\s", r"\d", r"\d+", r"\w+", r"\p{L}+", r"[^\w\s]+", r" ?\p{L}+| ?\p{N}+|\s+(?!\S)|\s+", r"(?i:'s|'ll|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        r"^a", r"a$", r"b*", r"a|", r"(?=a)", r"\b", r"[a-c]", r"[^a-c]+", r".", r"\p{Han}", r"\p{M}", r"\p{P}|\p{S}", r"\n", r"(?<=a)b", r" {2,}", r"[[:space:]]+", r"[\s\p{P}]", r"\S+",
        r"\p{Lu}+", r"\p{Ll}", r"\h+", r"\R", r"\A.", r"a\z", r"(a)(b)?", r"[\p{L}\p{M}]+", r"\p{Nd}+|\p{No}|\p{Nl}", r"[^\s]", r"\W", r"\D+", r"[一-龥]+", r"\p{Greek}", r"(?:ab)+?", r"\G.",
    ])}


def normalizer(r, deep=0):
    kind = r.choice(["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Strip", "StripAccents", "Prepend", "Replace", "Replace", "BertNormalizer", "Nmt", "ByteLevel"] + ["Sequence"] * (4 if deep == 0 else 1 if deep == 1 else 0))
    n = {"type": kind}
    if kind == "Strip": n.update(strip_left=r.random() < 0.6, strip_right=r.random() < 0.5)
    # Where something is put before a text by replacing nothing, or nothing is, the package loses count of places and says things twice.
    if kind == "Prepend": n["prepend"] = r.choice(["▁", " ", "a", "▁▁", "x y", "é", "\u0301"])
    if kind == "Replace": n.update(pattern=next(p for p in iter(lambda: pattern(r), None) if not re.search("".join(p.values()), "") and not re.search(r"\\[bABG]|\(\?[=<]|\^|\$|\\z", "".join(p.values()))), content=r.choice(["▁", " ", "", "b", "ab", "é", "  ", "$0", "\\1"]))
    if kind == "BertNormalizer": n.update(clean_text=r.random() < 0.5, handle_chinese_chars=r.random() < 0.5, strip_accents=r.choice([None, True, False]), lowercase=r.random() < 0.5)
    if kind == "Sequence": n["normalizers"] = [normalizer(r, deep + 1) for _ in range(r.randint(0, 3))]
    return n


BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]


def metaspace(r):
    m = {"type": "Metaspace", "replacement": r.choice(["▁"] * 6 + ["_", " ", "é"])}
    if r.random() < 0.85: m["prepend_scheme"] = r.choice(["first", "first", "always", "never"])
    if r.random() < 0.15 or len(m) == 2: m["add_prefix_space"] = r.random() < 0.5
    if r.random() < 0.8: m["split"] = r.random() < 0.6
    return m


def pre_tokenizer(r, deep=0):
    kind = r.choice(["ByteLevel", "Split", "Split", "Digits", "Whitespace", "WhitespaceSplit", "Punctuation", "Metaspace", "Metaspace", "BertPreTokenizer", "CharDelimiterSplit", "FixedLength"] + ["UnicodeScripts"] * (r.random() < 0.1) + ["Sequence"] * (5 if deep == 0 else 1 if deep == 1 else 0))
    p = {"type": kind}
    if kind == "ByteLevel": p.update(add_prefix_space=r.random() < 0.4, trim_offsets=r.random() < 0.5, use_regex=r.random() < 0.5)
    if kind == "Split": p.update(pattern=pattern(r), behavior=r.choice(BEHAVIORS), invert=r.random() < 0.3)
    if kind == "Digits": p["individual_digits"] = r.random() < 0.5
    if kind == "Punctuation": p["behavior"] = r.choice(BEHAVIORS)
    if kind == "Metaspace": p = metaspace(r)
    if kind == "CharDelimiterSplit": p["delimiter"] = r.choice([" ", "a", "▁", "é", "_"])
    if kind == "FixedLength": p["length"] = r.choice([1, 2, 3, 5])
    if kind == "Sequence": p["pretokenizers"] = [pre_tokenizer(r, deep + 1) for _ in range(r.randint(0, 3))]
    return p


def decoder(r, deep=0):
    kind = r.choice(["ByteLevel", "Replace", "Replace", "ByteFallback", "Fuse", "Strip", "Metaspace"] * 4 + ["WordPiece", "BPEDecoder", "CTC"] + ["Sequence"] * (28 if deep == 0 else 2 if deep == 1 else 0))
    d = {"type": kind}
    if kind == "ByteLevel": d.update(add_prefix_space=True, trim_offsets=True, use_regex=True)
    if kind == "Replace": d.update(pattern=pattern(r), content=r.choice([" ", "", "b", "▁", "é"]))
    if kind == "Strip": d.update(content=r.choice([" ", "▁", "a", "é"]), start=r.choice([0, 1, 2]), stop=r.choice([0, 0, 1, 2]))
    if kind == "Metaspace": d = metaspace(r)
    if kind == "WordPiece": d.update(prefix=r.choice(["##", "a", ""]), cleanup=r.random() < 0.5)
    if kind == "BPEDecoder": d["suffix"] = r.choice(["</w>", "b", ""])
    if kind == "CTC": d.update(pad_token=r.choice(["<m>", "a"]), word_delimiter_token=r.choice(["|", "▁", "b"]), cleanup=r.random() < 0.5)
    if kind == "Sequence": d["decoders"] = [decoder(r, deep + 1) for _ in range(r.randint(0, 4))]
    return d


def template_processing(r, tokens, ids):
    special = {}
    for token in r.sample(tokens, min(2, len(tokens))):
        several = r.random() < 0.2
        some = r.sample(ids, min(2 if several else 1, len(ids)))
        special[token] = {"id": token, "ids": some, "tokens": [token] * len(some)}
    piece = lambda: {"SpecialToken": {"id": r.choice(sorted(special)), "type_id": 0}} if special else {"Sequence": {"id": "A", "type_id": 0}}
    single = [piece() for _ in range(r.randint(0, 2))] + [{"Sequence": {"id": "A", "type_id": r.choice([0, 1])}}] + [piece() for _ in range(r.randint(0, 2))]
    single = [p for i, p in enumerate(single) if special or i == 0]
    pair = single + [{"Sequence": {"id": "B", "type_id": 1}}]
    return {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": special}


def post_processor(r, tokens, ids, deep=0):
    kind = r.choice(["ByteLevel", "TemplateProcessing", "TemplateProcessing", "BertProcessing", "RobertaProcessing"] + ["Sequence"] * (deep == 0))
    if kind == "ByteLevel": return {"type": kind, "add_prefix_space": True, "trim_offsets": r.random() < 0.5, "use_regex": True}
    if kind == "TemplateProcessing": return template_processing(r, tokens, ids)
    if kind == "Sequence": return {"type": kind, "processors": [post_processor(r, tokens, ids, 1) for _ in range(r.randint(0, 3))]}
    p = {"type": kind, "sep": [r.choice(tokens or ["x"]), r.choice(ids)], "cls": [r.choice(tokens or ["x"]), r.choice(ids)]}
    if kind == "RobertaProcessing": p.update(trim_offsets=r.random() < 0.5, add_prefix_space=r.random() < 0.5)
    return p


def model(r):
    kind = r.choice(["bytes", "bytes", "characters", "characters", "characters", "both"])
    pieces = []
    if kind != "characters": pieces += BYTES if r.random() < 0.9 else r.sample(BYTES, 200)
    if kind != "bytes":
        pool = sorted(set("abcdeExyz tol<>|/s_1245'.▁▁é\u0301中Él#@w" + "".join(r.choice(ODD + list(MARKS)) for _ in range(12))))
        pieces += r.sample(pool, r.randint(len(pool) // 2, len(pool)))
    unknown = r.random() < 0.6
    if unknown: pieces += ["<unk>"]
    fallback = r.random() < 0.4
    if fallback: pieces += [f"<0x{b:02X}>" for b in range(256) if r.random() < r.choice([1, 1, 0.95])]
    pieces = list(dict.fromkeys(pieces))
    mergeable = [p for p in pieces if not p.startswith("<")] or pieces
    merges = []
    for _ in range(r.choice([0, 5, 20, 60])):
        left, right = r.choice(mergeable), r.choice(mergeable)
        if r.random() < 0.5:
            word = r.choice([w for w in WORDS if len(w) > 1])
            if all(c in mergeable for c in word): left, right = word[:-1], word[-1]
            if left not in pieces: left = word[0]; right = word[1]
            if left not in pieces or right not in pieces: continue
        if len(left + right) > 8: continue
        merges.append((left, right))
        if left + right not in pieces: pieces.append(left + right)
        mergeable.append(left + right)
    if r.random() < 0.2: pieces += [w for w in r.sample(WORDS, 3) if w not in pieces]
    if r.random() < 0.3: r.shuffle(pieces)
    ids = list(range(len(pieces)))
    if r.random() < 0.1: ids = sorted(r.sample(range(2 * len(ids)), len(ids)))
    as_text = r.random() < 0.3 and not any(" " in a + b for a, b in merges)
    m = {"type": "BPE", "dropout": None, "unk_token": "<unk>" if unknown else None, "continuing_subword_prefix": r.choice([None] * 60 + ["##", ""]),
         "end_of_word_suffix": r.choice([None] * 60 + ["</w>", ""]), "fuse_unk": r.random() < 0.5, "byte_fallback": fallback or r.random() < 0.05, "ignore_merges": r.random() < 0.3,
         "vocab": dict(zip(pieces, ids)), "merges": [f"{a} {b}" if as_text else [a, b] for a, b in merges]}
    if r.random() < 0.05: del m["ignore_merges"]
    if r.random() < 0.02: m["dropout"] = r.choice([0.0, 0.5])
    return m


def other_model(r):
    kind = r.choice(["WordLevel", "WordPiece", "Unigram"])
    words = ["[UNK]", "a", "ab", "b", "c", "##b", "##c", "##ab", "中", ".", "é", "▁", "▁a", "tool"]
    if kind == "Unigram": return {"type": kind, "unk_id": 0, "vocab": [[w, -float(i)] for i, w in enumerate(words)], "byte_fallback": False}
    m = {"type": kind, "unk_token": "[UNK]", "vocab": {w: i for i, w in enumerate(words)}}
    if kind == "WordPiece": m.update(continuing_subword_prefix="##", max_input_chars_per_word=r.choice([100, 3]))
    return m


def tokenizer(r):
    m = other_model(r) if r.random() < 0.04 else model(r)
    known = dict(m["vocab"]) if isinstance(m["vocab"], dict) else {w: i for i, (w, _) in enumerate(m["vocab"])}
    added, next_id = [], max(known.values()) + 1
    for content in r.sample(TOKENS, r.choice([0, 0, 1, 2, 3, 5])):
        id = known.get(content)
        if id is None: id, next_id = next_id, next_id + 1
        flag = lambda share: r.random() < share
        special = flag(0.5)
        added.append({"id": id, "content": content, "single_word": flag(0.25), "lstrip": flag(0.25), "rstrip": flag(0.25), "normalized": flag(0.4), "special": special})
    names, ids = [t["content"] for t in added] or ["<s>"], [t["id"] for t in added] or [0]
    # Two tokens may get one id where ids have gaps; which of them it is depends on how often they are added.
    if added and max(known.values()) >= len(known): added = []
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": pick(r, 0.6, normalizer(r)), "pre_tokenizer": pick(r, 0.8, pre_tokenizer(r)),
        "post_processor": pick(r, 0.4, post_processor(r, names, ids)), "decoder": pick(r, 0.85, decoder(r)), "model": m,
    }


def text(r, tokens=()):
    parts = []
    for _ in range(r.choice([0, 1, 2, 4, 8, 16])):
        kind = r.random()
        if kind < 0.3: parts.append(r.choice(SPACES))
        elif kind < 0.5: parts.append(r.choice(WORDS))
        elif kind < 0.6: parts.append(r.choice(LETTERS))
        elif kind < 0.7: parts.append("".join(r.choice(MARKS) for _ in range(r.choice([1, 1, 2, 5]))))
        elif kind < 0.85 or not tokens: parts.append(r.choice(ODD))
        else: parts.append(r.choice(tokens))
        if r.random() < 0.05: parts.append(parts[-1] * r.choice([2, 3, 40]))
    return "".join(parts)


# ---- Our side

class Program:
    def __init__(self, *command): self.command, self.process = command, None

    def ask(self, case):
        """The answer, or None where the program ended."""
        if self.process is None:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            self.process.stdin.write(json.dumps(case, ensure_ascii=False).encode() + b"\n"); self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError: line = b""
        if line: return json.loads(line)
        self.process.wait(); self.process = None
        return None


def refusal(line):
    """What a line names as not supported, or as wrong."""
    if "\n" in line: return None
    if found := re.search(r"""(?:the|a) ((?:[\w-]+ )*"[^"]*") """, line): return found.group(1)
    return re.sub(r'"(?:[^"\\]|\\.)*"|\d+', "#", line.split(": ", 1)[-1])[:100] if ": " in line else None


# ---- Tokenizers

def theirs(t, texts, lists):
    encoded, lists = [], [list(ids) for ids in lists]
    for s in texts:
        ids = t.encode(s).ids
        encoded.append({"ids": ids, "plain": t.encode(s, add_special_tokens=False).ids})
        lists.append(ids)
    return {"encoded": encoded, "decoded": [{"all": t.decode(ids, skip_special_tokens=False), "kept": t.decode(ids)} for ids in lists]}


def answer_cases():
    """Their side as a program of its own, since some tokenizers end it."""
    loaded = {}
    for line in sys.stdin:
        case = json.loads(line)
        try:
            if "folder" in case:
                if case["folder"] not in loaded: loaded[case["folder"]] = Tokenizer.from_file(os.path.join(case["folder"], "tokenizer.json"))
                t = loaded[case["folder"]]
            else: t = Tokenizer.from_str(json.dumps(case["tokenizer"]))
            reply = theirs(t, case["texts"], case["ids"])
            if t.normalizer and "tokenizer" in case:
                contents = [t.normalizer.normalize_str(a["content"]) for a in case["tokenizer"]["added_tokens"] if a["normalized"]]
                reply["varies"] = len(set(contents)) < len(contents)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt): raise
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


PEER = Program(sys.executable, __file__, "--peer")


def compare_tokenizer(program, case):
    got, want = program.ask(case), PEER.ask(case)
    if got is None: return "CRASH", ""
    if want is None: want = {"error": "aborted"}
    if "error" in want:
        return ("both refuse", "") if "error" in got else ("they refuse", re.sub(r"\d+|`.*|\".*", "#", want["error"])[:90])
    if "error" in got:
        name = refusal(got["error"])
        return ("we refuse", name) if name else ("NAMELESS", got["error"])
    # Tokens that normalization makes equal: which one is found changes from load to load.
    if want.get("varies"): return "they vary", ""
    if got["complaints"]: return "DIFFERENT", ("self", got["complaints"])
    for s, a, b in zip(case["texts"], got["encoded"], want["encoded"]):
        for key in ["plain", "ids"]:
            if a[key] != b[key]: return "DIFFERENT", (key, s, "ours", a[key], "theirs", b[key])
    for ids, a, b in zip(case["ids"] + [e["ids"] for e in want["encoded"]], got["decoded"], want["decoded"]):
        for key in ["all", "kept"]:
            if a[key] != b[key]: return "DIFFERENT", ("decode " + key, ids, "ours", a[key], "theirs", b[key])
    return "equal", ""


def tokenizer_case(r, program):
    document = tokenizer(r)
    vocab = document["model"]["vocab"]
    top = (max(vocab.values()) if isinstance(vocab, dict) else len(vocab)) + 6
    tokens = [t["content"] for t in document["added_tokens"]]
    case = {"tokenizer": document, "texts": [text(r, tokens) for _ in range(r.choice([1, 4, 8]))],
            "ids": [[r.randrange(top) for _ in range(r.choice([0, 1, 3, 8, 20]))] for _ in range(3)]}
    return case, compare_tokenizer(program, case)


def shrunk(program, case):
    """The case with as little in it as still differs."""
    def differs(c):
        return compare_tokenizer(program, c)[0] in ("DIFFERENT", "CRASH")
    def tries(c):
        t = c["tokenizer"]
        for key in ["texts", "ids"]:
            if len(c[key]) > 1:
                for one in c[key]: yield {**c, key: [one]}
            for i, one in enumerate(c[key]):
                yield {**c, key: c[key][:i] + c[key][i + 1:]}
                for j in range(len(one)): yield {**c, key: c[key][:i] + [one[:j] + one[j + 1:]] + c[key][i + 1:]}
        for key in ["normalizer", "pre_tokenizer", "post_processor", "decoder"]:
            if t[key]:
                yield {**c, "tokenizer": {**t, key: None}}
                for smaller in parts(t[key]): yield {**c, "tokenizer": {**t, key: smaller}}
        for i, token in enumerate(t["added_tokens"]):
            yield {**c, "tokenizer": {**t, "added_tokens": t["added_tokens"][:i] + t["added_tokens"][i + 1:]}}
            for flag in ["single_word", "lstrip", "rstrip", "normalized", "special"]:
                if token[flag]: yield {**c, "tokenizer": {**t, "added_tokens": [{**a, flag: False} if a is token else a for a in t["added_tokens"]]}}
        m = t["model"]
        if m.get("merges"): yield {**c, "tokenizer": {**t, "model": {**m, "merges": []}}}
        for flag in ["fuse_unk", "byte_fallback", "ignore_merges", "unk_token"]:
            if m.get(flag): yield {**c, "tokenizer": {**t, "model": {**m, flag: None if flag == "unk_token" else False}}}
        if isinstance(m["vocab"], dict) and not m.get("merges"):
            pieces = list(m["vocab"].items())
            for size in [128, 32, 8, 1]:
                for i in range(0, len(pieces), size):
                    if len(pieces) > size: yield {**c, "tokenizer": {**t, "model": {**m, "vocab": dict(pieces[:i] + pieces[i + size:])}}}
    def parts(p):
        for key in ["normalizers", "pretokenizers", "decoders", "processors"]:
            for i, step in enumerate(p.get(key, [])):
                yield step
                yield {**p, key: p[key][:i] + p[key][i + 1:]}
                for smaller in parts(step): yield {**p, key: p[key][:i] + [smaller] + p[key][i + 1:]}
    changed = True
    while changed:
        changed = False
        for smaller in tries(case):
            if differs(smaller): case, changed = smaller, True; break
    return case


# ---- Random templates

STRINGS = ["user", "assistant", "system", "tool", "a", "", " x ", "Hello, World", "don't", "é ß İ ǅ", "two\nlines\n", "<b>&\"q\"</b>", "tab\there", "中文字", "1", "-12", "3.5", "1e3", "a,b,,c", "  lead", "trail \n", "👩\u200d👧", "{{x}}", "x" * 30, "\\n", "%s %d", "a-b (c)", "ΑΣ ς", "e\u0301", "\u2028", "\x85\x1c", "True", "none", "0x1f", "１２", "²"]
KEYS = ["role", "content", "name", "x", "items", "text", "type", "value", "keys", "count", "get"]


def value(r, deep=0):
    kind = r.random()
    if kind < 0.35 or deep > 2: return r.choice(STRINGS)
    if kind < 0.5: return r.choice([0, 1, 2, -1, 7, 10, 100, 12345678901, -3])
    if kind < 0.58: return r.choice([0.5, -1.25, 1.0, 100.0, 1e16, 1e-5, 3.14159, 1e22, 123456789.123, 2.5, -0.0])
    if kind < 0.68: return r.choice([True, False])
    if kind < 0.74: return None
    if kind < 0.88: return [value(r, deep + 1) for _ in range(r.choice([0, 1, 2, 3]))]
    return {k: value(r, deep + 1) for k in r.sample(KEYS, r.choice([0, 1, 2, 3]))}


def message(r):
    m = {"role": r.choice(["user", "assistant", "system", "tool", "user"])}
    kind = r.random()
    if kind < 0.7: m["content"] = r.choice(STRINGS)
    elif kind < 0.85: m["content"] = [{"type": "text", "text": r.choice(STRINGS)} if r.random() < 0.8 else {"type": "image"} for _ in range(r.choice([0, 1, 2]))]
    elif kind < 0.93: m["content"] = None
    if r.random() < 0.25: m["name"] = r.choice(STRINGS)
    if r.random() < 0.15: m[r.choice(["reasoning_content", "thinking", "reasoning"])] = r.choice(STRINGS)
    if r.random() < 0.25: m["tool_calls"] = [{"id": "c1", "type": "function", "function": {"name": r.choice(STRINGS[:6]), "arguments": value(r)}} for _ in range(r.choice([1, 2]))]
    if r.random() < 0.3: m["x"] = value(r)
    if r.random() < 0.2: m["items"] = value(r)
    return m


def conversation(r):
    c = {"messages": [message(r) for _ in range(r.choice([1, 2, 3, 5]))], "add_generation_prompt": r.random() < 0.5}
    if r.random() < 0.3: c["tools"] = [{"type": "function", "function": {"name": r.choice(STRINGS[:6]), "description": r.choice(STRINGS), "parameters": {"type": "object", "properties": {"x": value(r, 1)}, "required": ["x"]}}} for _ in range(r.choice([0, 1, 2]))]
    if r.random() < 0.1: c["documents"] = [{"title": r.choice(STRINGS), "text": r.choice(STRINGS)}]
    if not c["add_generation_prompt"] and r.random() < 0.2: c["continue_final_message"] = True
    c["chat_template_kwargs"] = {"n": r.choice([0, 1, 2, 3, 5, -2]), "f": r.choice([0.5, 2.0, -1.75, 1e20]), "s": r.choice(STRINGS), "l": [value(r, 1) for _ in range(r.choice([0, 2, 3]))], "d": {k: value(r, 1) for k in r.sample(KEYS, 3)}, "flag": r.choice([True, False, None]), "w": [r.choice(STRINGS) for _ in range(3)]}
    return c


class Templates:
    """Writes random templates. Expressions are asked for by type, mostly."""
    def __init__(self, r): self.r, self.loops, self.macros, self.names, self.spaces, self.budget = r, [], [], ["n", "s", "l", "d", "flag", "f", "w"], 0, 60

    def quoted(self):
        r = self.r; s = r.choice(STRINGS + [" ", ", ", "-", "x", "l", "\n", "e", "o"])
        body = s.replace("\\", "\\\\").replace("\n", "\\n" if r.random() < 0.7 else "\n").replace("\x85", "\\x85").replace("\u2028", "\\u2028")
        q = r.choice("'\"")
        return q + body.replace(q, "\\" + q) + q

    def any(self, d):
        r = self.r
        return r.choice([self.string, self.string, self.number, self.boolean, self.list, self.mapping, self.odd])(d)

    def odd(self, d):
        r = self.r
        return r.choice(["none", "None", "missing", "messages[99]", "messages[0].nothing", "tools", "documents", "namespace(a=1)", "range(3)", "loop", "flag", "d.x", "messages[0].x", "l[0]", "bos_token", "unk_token", "()", "(1,)", "dict", "true", "d['get']", "d.get", "d.items", "dict(a=1)", "messages|map(attribute='role')", "self" if r.random() < 0.02 else "f", "l|reverse", "messages[-1]", "d|items"])

    def string(self, d):
        r, e = self.r, self
        if d <= 0: return r.choice([e.quoted(), "s", "messages[0].role", "messages[0]['content']", "bos_token", "eos_token", "w[0]"] + (["m.role", "m['content']", "m.content", "loop.index|string"] if "m" in e.names else []))
        d -= 1
        kind = r.randrange(30)
        S, N, L, B, A = (lambda: e.string(d)), (lambda: e.number(d)), (lambda: e.list(d)), (lambda: e.boolean(d)), (lambda: e.any(d))
        if kind < 6: return e.string(0)
        if kind == 6: return f"{S()} + {S()}"
        if kind == 7: return f"{S()} ~ {A()}"
        if kind == 8: return f"({S()})[{r.choice(['', N()])}:{r.choice(['', N(), '-1', '2'])}{r.choice(['', '', ':', ':-1', ':2'])}]"
        if kind == 9: return f"({S()})[{N()}]"
        if kind == 10: return f"({S()}).{r.choice(['strip', 'lstrip', 'rstrip'])}({r.choice(['', '', e.quoted()])})"
        if kind == 11: return f"({S()}).{r.choice(['upper', 'lower', 'title', 'capitalize', 'swapcase', 'casefold'])}()"
        if kind == 12: return f"({S()}).replace({e.quoted()}, {e.quoted()}{r.choice(['', '', ', 1', ', 0', ', -1', ', count=1'])})"
        if kind == 13: return f"({S()}).split({r.choice(['', e.quoted(), e.quoted() + ', 1', 'none, 1', 'maxsplit=1', e.quoted() + ', maxsplit=1'])})[{r.choice(['0', '-1', '1'])}]"
        if kind == 14: return f"({S()}).{r.choice(['removeprefix', 'removesuffix'])}({e.quoted()})"
        if kind == 15: return f"({S()}) | {r.choice(['trim', 'upper', 'lower', 'title', 'capitalize', 'string', 'safe', 'e', 'escape', 'trim(' + e.quoted() + ')', 'forceescape', 'reverse', 'first', 'last'])}"
        if kind == 16: return f"({A()}) | tojson{r.choice(['', '', '(indent=2)', '(indent=4)', '(ensure_ascii=true)', '(sort_keys=true)', '(separators=(' + chr(39) + ',' + chr(39) + ', ' + chr(39) + ':' + chr(39) + '))', '(indent=0)', '(true)', '(false, 2)', '(indent=none)'])}"
        if kind == 17: return f"({L()}) | join({r.choice(['', e.quoted(), e.quoted() + ', attribute=' + repr(r.choice(KEYS))])})"
        if kind == 18: return f"{e.quoted()}.join({r.choice(['w', 'd', 's', L()])})"
        if kind == 19: return f"({A()}) | default({S()}{r.choice(['', ', true', ', boolean=true', ', false'])})"
        if kind == 20: return f"({S()} if {B()}{r.choice(['', ' else ' + S(), ' else ' + A()])})"
        if kind == 21: return f"({S()}) | replace({e.quoted()}, {e.quoted()}{r.choice(['', '', ', 1'])})"
        if kind == 22: return f"({S()}) | indent({r.choice(['', '2', '1, true', 'first=true', '2, true, true', 'width=3', 'blank=true', e.quoted()])})"
        if kind == 23 and e.macros: return f"{r.choice(e.macros)}({r.choice(['', A(), A() + ', ' + A(), 'b=' + A()])})"
        if kind == 24: return f"({A()}) | string"
        if kind == 25 and e.loops: return r.choice(["loop.cycle('a', 'b')", "loop.previtem", "loop.nextitem", "loop.changed(m)|string", "loop.previtem.role", "loop.revindex", "loop.length", "loop.depth", "loop.depth0", "loop"])
        if kind == 26: return f"({S()}) {r.choice(['*', '%'])} {N()}" if r.random() < 0.6 else f"{e.quoted()}.format({A()}, {A()})"
        if kind == 27: return f"({S()}).{r.choice(['zfill(5)', 'center(9)', 'ljust(5)', 'rjust(7)', 'expandtabs()', 'partition(' + e.quoted() + ')[0]', 'rpartition(' + e.quoted() + ')[2]', 'rsplit(' + e.quoted() + ', 1)[-1]', 'encode()', 'splitlines()[0]'])}"
        if kind == 28: return f"{S()}|{r.choice(['wordwrap(5)', 'truncate(5)', 'center(9)', 'striptags', 'urlencode', 'format(1)', 'xmlattr', 'pprint', 'filesizeformat', 'random', 'slice(2)', 'wordcount|string', 'list|string', 'length|string'])}"
        return f"({S()}) or ({S()})"

    def number(self, d):
        r, e = self.r, self
        if d <= 0: return r.choice(["0", "1", "2", "-1", "3", "10", "n", "1.5", "f", "messages|length"] + (["loop.index", "loop.index0", "loop.revindex0"] if e.loops else []))
        d -= 1
        kind = r.randrange(14)
        N, A = (lambda: e.number(d)), (lambda: e.any(d))
        if kind < 4: return e.number(0)
        if kind < 7: return f"({N()} {r.choice(['+', '-', '*', '/', '//', '%', '**'])} {N()})"
        if kind == 7: return f"({A()}) | length"
        if kind == 8: return f"({A()}) | int{r.choice(['', '(7)', '(default=2)', '(0, 16)', '(base=2)'])}"
        if kind == 9: return f"({N()}) | {r.choice(['abs', 'round', 'round(1)', 'float', 'int', 'round(2, ' + chr(39) + 'floor' + chr(39) + ')', 'round(0, ' + chr(39) + 'ceil' + chr(39) + ')', 'round(-1)', 'round(method=' + chr(39) + 'ceil' + chr(39) + ')'])}"
        if kind == 10: return f"({e.string(d)}).{r.choice(['find', 'count', 'rfind', 'index'])}({e.quoted()})"
        if kind == 11: return f"-{N()}"
        if kind == 12: return f"({e.list(d)}) | {r.choice(['sum', 'max', 'min', 'count', 'length', 'first', 'last', 'sum(attribute=' + chr(39) + 'x' + chr(39) + ')', 'sum(start=2)'])}"
        return f"({A()}) | float{r.choice(['', '(1.5)'])}"

    def boolean(self, d):
        r, e = self.r, self
        if d <= 0: return r.choice(["true", "False", "flag", "add_generation_prompt", "tools", "messages[0].role == 'user'", "x is defined"] + (["loop.first", "loop.last", "m.role == 'user'", "not loop.last"] if e.loops else []))
        d -= 1
        kind = r.randrange(14)
        A, B, S = (lambda: e.any(d)), (lambda: e.boolean(d)), (lambda: e.string(d))
        if kind < 2: return e.boolean(0)
        if kind < 4: return f"{B()} {r.choice(['and', 'or'])} {B()}"
        if kind == 4: return f"not {B()}"
        if kind == 5: return f"{A()} {r.choice(['==', '!='])} {A()}"
        if kind == 6: return f"{e.number(d)} {r.choice(['<', '>', '<=', '>=', '==', '<'])} {e.number(d)}" + (f" {r.choice(['<', '>=', '!='])} {e.number(d)}" if r.random() < 0.2 else "")
        if kind == 7: return f"{r.choice([S(), A()])} {r.choice(['in', 'not in'])} {r.choice([S(), e.list(d), 'd', 'messages[0]', '[' + S() + ', ' + A() + ']'])}"
        if kind < 10: return f"({A()}) is {r.choice(['', '', 'not '])}{r.choice(['defined', 'undefined', 'none', 'string', 'number', 'mapping', 'iterable', 'sequence', 'boolean', 'integer', 'float', 'true', 'false', 'callable', 'odd', 'even', 'divisibleby 2', 'divisibleby(3)', 'equalto(1)', 'eq 2', 'in [1, ' + chr(39) + 'a' + chr(39) + ']', 'sameas none', 'lower', 'upper', 'gt 1', 'lt(2)', 'ne 1', 'escaped', 'filter', 'test', 'ge 0', '=='  + ' 1'])}"
        if kind == 10: return f"({S()}).{r.choice(['startswith', 'endswith'])}({r.choice([e.quoted(), e.quoted(), '(' + e.quoted() + ', ' + e.quoted() + ')', e.quoted() + ', 1'])})"
        if kind == 11: return f"({S()}).{r.choice(['isdigit', 'isalpha', 'isalnum', 'isspace', 'isupper', 'islower', 'isnumeric', 'isdecimal', 'istitle', 'isidentifier', 'isascii', 'isprintable'])}()"
        if kind == 12: return f"{S()} {r.choice(['<', '>', '<='])} {S()}"
        return A()

    def list(self, d):
        r, e = self.r, self
        if d <= 0: return r.choice(["messages", "l", "w", "tools", "[]", "[1, 2, 3]", "range(4)", "['b', 'a', 'C']", "d", "messages[0].tool_calls", "messages[1:]", "d.items()", "d.keys()", "d.values()"])
        d -= 1
        kind = r.randrange(16)
        A, L, N = (lambda: e.any(d)), (lambda: e.list(d)), (lambda: e.number(d))
        if kind < 3: return e.list(0)
        if kind == 3: return f"[{', '.join(A() for _ in range(r.randint(0, 3)))}]"
        if kind == 4: return f"({L()})[{r.choice(['', N()])}:{r.choice(['', N(), '-1'])}{r.choice(['', '', '::-1'[1:], ':2'])}]"
        if kind == 5: return f"{L()} + {L()}"
        if kind == 6: return f"({L()}) | {r.choice(['list', 'reverse', 'reverse|list', 'sort', 'sort(reverse=true)', 'unique|list', 'unique', 'sort(case_sensitive=true)', 'sort(attribute=' + chr(39) + 'role' + chr(39) + ')', 'batch(2)|list', 'batch(2, 0)|list', 'dictsort', 'items|list', 'list|length', 'first', 'slice(2)|list', 'groupby(' + chr(39) + 'role' + chr(39) + ')', 'map(' + chr(39) + 'string' + chr(39) + ')|list', 'dictsort(reverse=true)', 'dictsort(by=' + chr(39) + 'value' + chr(39) + ')', 'sort(attribute=' + chr(39) + 'role,content' + chr(39) + ')'])}"
        if kind == 7: return f"({L()}) | {r.choice(['select', 'reject'])}{r.choice(['', '(' + chr(39) + 'string' + chr(39) + ')', '(' + chr(39) + 'number' + chr(39) + ')', '(' + chr(39) + 'equalto' + chr(39) + ', 1)', '(' + chr(39) + 'in' + chr(39) + ', w)', '(' + chr(39) + 'defined' + chr(39) + ')'])} | list"
        if kind == 8: return f"({r.choice(['messages', L()])}) | {r.choice(['selectattr', 'rejectattr'])}('{r.choice(['role', 'content', 'x', 'name', 'x.y', '0'])}'{r.choice(['', ', ' + chr(39) + 'equalto' + chr(39) + ', ' + chr(39) + 'user' + chr(39), ', ' + chr(39) + 'defined' + chr(39), ', ' + chr(39) + '==' + chr(39) + ', s', ', ' + chr(39) + 'string' + chr(39)])}) | list"
        if kind == 9: return f"({r.choice(['messages', L()])}) | map(attribute='{r.choice(['role', 'content', 'x', 'name', 'content.0'])}'{r.choice(['', ', default=0'])}) | list"
        if kind == 10: return f"({L()}) | map('{r.choice(['upper', 'trim', 'length', 'string', 'tojson', 'int', 'lower', 'replace', 'default', 'first'])}'{r.choice(['', '', ', ' + chr(39) + 'a' + chr(39) + ', ' + chr(39) + 'b' + chr(39)])}) | list"
        if kind == 11: return f"({e.string(d)}).{r.choice(['split', 'splitlines', 'split', 'rsplit'])}({r.choice(['', e.quoted(), 'true', 'none'])})"
        if kind == 12: return f"range({r.choice(['', '0, ', '1, '])}{N()}{r.choice(['', ', 2', ', -1'])})" if r.random() < 0.8 else f"range({N()})"
        if kind == 13: return f"({e.mapping(d)}).{r.choice(['items()', 'keys()', 'values()', 'items()|list', 'keys()|list'])}"
        if kind == 14: return f"({A()}, {A()})"
        return f"({L()}) * {r.choice(['2', 'n'])}"

    def mapping(self, d):
        r, e = self.r, self
        if d <= 0: return r.choice(["d", "messages[0]", "{}", "{'a': 1}", "messages[-1]"] + (["m"] if e.loops else []))
        d -= 1
        kind = r.randrange(7)
        if kind < 2: return e.mapping(0)
        if kind == 2: return "{" + ", ".join(f"{r.choice([e.quoted(), e.quoted(), '1', 'n', 'true', 'none', '1.0'])}: {e.any(d)}" for _ in range(r.randint(0, 3))) + "}"
        if kind == 3: return f"dict({r.choice(['a=' + e.any(d), 'd, b=2', e.list(d)])})"
        if kind == 4: return f"({e.mapping(d)}).get({e.quoted()}{r.choice(['', ', ' + e.any(d)])})"
        if kind == 5: return f"({e.mapping(d)})[{e.quoted()}]"
        return f"({e.mapping(d)}).copy()"

    # -- Statements

    def text(self):
        r = self.r
        return "".join(r.choice(["x", " ", "  ", "\n", "\n\n", "\t", "role: ", "é", "<|im_start|>", "a\n  ", "\r\n", "\xa0", "中", "b", r.choice("{}#%")]) for _ in range(r.choice([0, 1, 1, 2, 3])))

    def tag(self, body):
        r = self.r
        return "{%" + r.choice(["", "", "-", "+", ""]) + r.choice([" ", " ", "", "\n"]) + body + r.choice([" ", " ", "\n ", ""]) + r.choice(["", "", "-", "", "+"]) + "%}"

    def out(self, body):
        r = self.r
        return "{{" + r.choice(["", "", "-", ""]) + " " + body + r.choice([" ", " ", " -"]) + "}}"

    def block(self, d, many=(1, 2, 3)):
        return "".join(self.statement(d) for _ in range(self.r.choice(many)))

    def statement(self, d):
        r, e = self.r, self
        e.budget -= 1
        if e.budget < 0: return e.text()
        kind = r.randrange(30)
        if kind < 4: return e.text()
        if kind < 12 or d <= 0: return e.text() + e.out(r.choice([e.string, e.string, e.any, e.number, e.list, e.boolean])(r.choice([0, 1, 2, 3])))
        if kind < 15:
            s = e.tag("if " + e.boolean(2)) + e.block(d - 1)
            for _ in range(r.choice([0, 0, 1])): s += e.tag("elif " + e.boolean(2)) + e.block(d - 1)
            if r.random() < 0.4: s += e.tag("else") + e.block(d - 1)
            return s + e.tag("endif")
        if kind < 19:
            target, source = r.choice([("m", "messages"), ("m", "messages"), ("m", e.list(2)), ("k, v", f"({e.mapping(1)}).items()"), ("m", "messages[0].tool_calls"), ("k, v", "d|dictsort"), ("(k, v)", "d|items"), ("m", e.any(1))])
            head = f"for {target} in {source}"
            e.loops.append(target); old = list(e.names); e.names += target.strip("()").split(", ")
            if r.random() < 0.2: head += " if " + r.choice(["m.role == 'user'", "m", "loop.first" if r.random() < 0.1 else "n", "m is string", e.boolean(1)])
            if r.random() < 0.03: head += " recursive"
            body = e.block(d - 1)
            if r.random() < 0.15: body += e.tag("if " + e.boolean(1)) + e.tag(r.choice(["break", "continue"])) + e.tag("endif") + e.text()
            e.loops.pop(); e.names = old
            if r.random() < 0.15: body += e.tag("else") + e.block(d - 1)
            return e.tag(head) + body + e.tag("endfor")
        if kind < 22:
            name = r.choice(["v", "t", "n", "s", "m", "u, v"])
            s = e.tag(f"set {name} = " + (e.any(2) if "," not in name else f"{e.any(1)}, {e.any(1)}"))
            e.names.append(name.split(",")[0])
            return s + e.out(r.choice(["v", "t", "n", name.split(",")[0]]))
        if kind == 22: return e.tag("set ns = namespace(" + r.choice(["a=0", "a=" + e.any(1), "a='', b=[]", "d", "{'a': 1}"]) + ")") + e.tag("for m in messages") + e.tag("set ns.a = " + r.choice(["ns.a + 1", "ns.a ~ m.role", e.any(1)])) + e.tag("endfor") + e.out(r.choice(["ns.a", "ns.a", "ns.b", "ns.c is defined"]))
        if kind == 23: return e.tag("set v" + r.choice(["", "", " | upper", " | trim | length"])) + e.block(d - 1) + e.tag("endset") + e.out("v" + r.choice(["", "|length", "|trim"]))
        if kind == 24: return e.tag("filter " + r.choice(["upper", "trim", "replace('a', 'b')", "indent(2)", "trim|upper", "length", "tojson"])) + e.block(d - 1) + e.tag("endfilter")
        if kind == 25: return e.tag("with " + r.choice(["v = " + e.any(1), "v = 1, t = v", "n = n + 1", ""])) + e.block(d - 1) + e.out("v") + e.tag("endwith")
        if kind == 26:
            name = f"mac{len(e.macros)}"
            s = e.tag(f"macro {name}({r.choice(['', 'a', 'a, b=1', 'a=n, b=a', 'a, b'])})") + e.block(d - 1, (1, 2)) + e.out(r.choice(["a", "b", "varargs", "kwargs", "caller", "a if a is defined else 'u'", "caller() if caller is defined", "n"])) + e.tag("endmacro")
            e.macros.append(name)
            return s + e.out(f"{name}({r.choice(['', e.any(1), e.any(1) + ', b=' + e.any(1), '1, 2, 3', 'c=1', 'b=1'])})" + r.choice(["", "", "|length", ".strip()", "|trim|upper", " + 'x'", "|tojson"]))
        if kind == 27 and e.macros: return e.tag(f"call{r.choice(['', '(q)'])} {r.choice(e.macros)}({r.choice(['', e.any(1)])})") + e.block(d - 1, (1,)) + e.tag("endcall")
        if kind == 28: return r.choice([lambda: "{#" + r.choice(["", "-"]) + " note " + r.choice(["", "-", "+"]) + "#}", lambda: e.tag("raw") + " {{ x }} {% if %} \n" + e.tag("endraw"), lambda: e.tag("generation") + e.block(d - 1) + e.tag("endgeneration"), lambda: e.tag("do l.append(1)") if r.random() < 0.1 else e.text(), lambda: e.out("raise_exception('no ' ~ " + e.string(0) + ")") if r.random() < 0.3 else ""])()
        return e.text() + e.out(e.any(3))

    def template(self): return self.block(3, (1, 2, 3, 4))


# ---- Templates

SPECIAL = {"bos_token": "<s>", "eos_token": "</s>"}


def render(template, c):
    from transformers.utils import chat_template_utils as u
    c = json.loads(json.dumps(c))
    if c.get("add_generation_prompt") and c.get("continue_final_message"): raise ValueError("both")
    chat = u._normalize_chat_messages(c["messages"])
    return u.render_jinja_template([chat], tools=c.get("tools"), documents=c.get("documents"), chat_template=template, continue_final_message=c.get("continue_final_message", False),
                                   add_generation_prompt=c.get("add_generation_prompt", False), **{**SPECIAL, **c.get("chat_template_kwargs", {})})[0][0]


def compare_template(program, case):
    got = program.ask(case)
    if got is None: return "CRASH", ""
    try: want = render(case["template"], case["conversation"])
    except RecursionError: return "they refuse", "recursion"
    except Exception as error:
        why = type(error).__name__ + ": " + re.sub(r"'[^']*'|\d+|\".*", "#", str(error).split("\n")[0])[:80]
        return "both refuse" if "error" in got else "they refuse", why
    try: want.encode()
    except UnicodeEncodeError: return "they refuse", "surrogates"
    if "error" in got:
        line = got["error"]
        return ("we refuse", re.sub(r"\d+", "#", line.split(": ", 1)[-1])[:110]) if "\n" not in line.replace(r"\n", "") and ": " in line else ("NAMELESS", line)
    if got["text"] != want: return "DIFFERENT", ("ours", got["text"], "theirs", want)
    return "equal", ""


def template_case(r, program, sources=None):
    c = conversation(r)
    if sources:
        path = r.choice(sources)
        case = {"template": open(path, encoding="utf-8").read(), "conversation": c, "special": SPECIAL}
    else:
        case = {"template": Templates(r).template(), "conversation": c, "special": SPECIAL}
    return case, compare_template(program, case)


def shrunk_template(program, case):
    """The template with whole tags and then characters taken out while it still differs."""
    def differs(source): return compare_template(program, {**case, "template": source})[0] in ("DIFFERENT", "CRASH")
    source = case["template"]
    changed = True
    while changed:
        changed = False
        parts = re.split(r"(\{[%{#].*?[%}#]\})", source, flags=re.S)
        for size in [8, 4, 3, 2, 1]:
            for i in range(len(parts) - size + 1):
                smaller = "".join(parts[:i] + parts[i + size:])
                if smaller != source and differs(smaller): source, changed = smaller, True; break
            if changed: break
    for size in [40, 20, 10, 5, 3, 2, 1]:
        i = 0
        while i < len(source):
            smaller = source[:i] + source[i + size:]
            if differs(smaller): source = smaller
            else: i += 1
    return {**case, "template": source}


# ---- Folders

def folder_case(r, program, folder, loaded):
    if folder not in loaded: loaded[folder] = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    t = loaded[folder]
    top = t.get_vocab_size()
    tokens = [a.content for a in t.get_added_tokens_decoder().values()][:50]
    case = {"folder": folder, "texts": [text(r, tokens) for _ in range(8)], "ids": [[r.randrange(top + 3) for _ in range(r.choice([1, 5, 30]))] for _ in range(4)]}
    return case, compare_tokenizer(program, case)


def main():
    if "--peer" in sys.argv: return answer_cases()
    p = argparse.ArgumentParser()
    p.add_argument("--program", default=".build/release/TokenizationCases"); p.add_argument("--cases", type=int, default=2000)
    p.add_argument("--first", type=int, default=0); p.add_argument("--seed", type=int, default=1); p.add_argument("--only", choices=["tokenizers", "templates"])
    p.add_argument("--folders"); p.add_argument("--templates"); p.add_argument("--verbose", action="store_true"); p.add_argument("--shrink", type=int, default=20)
    args = p.parse_args()
    # A template may ask for a text of twelve thousand million characters.
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    program, counts, faults, loaded = Program(args.program), collections.Counter(), [], {}
    folders = sorted(os.path.dirname(f) for f in glob.glob(os.path.join(args.folders, "*", "tokenizer.json"))) if args.folders else []
    sources = sorted(glob.glob(os.path.join(args.templates, "*.jinja"))) if args.templates else []
    for number in range(args.first, args.first + args.cases):
        r = random.Random(f"{args.seed}/{number}")
        if folders: case, (outcome, detail) = folder_case(r, program, folders[number % len(folders)], loaded)
        elif sources: case, (outcome, detail) = template_case(r, program, sources)
        elif args.only == "templates" or args.only is None and number % 2: case, (outcome, detail) = template_case(r, program)
        else: case, (outcome, detail) = tokenizer_case(r, program)
        kind = "template" if "template" in case else "tokenizer"
        counts[kind, outcome, detail if outcome in ("we refuse", "they refuse", "both refuse") else ""] += 1
        if outcome.isupper():
            faults.append(number)
            small = case
            if len(faults) <= args.shrink and outcome in ("DIFFERENT", "CRASH") and not folders:
                if kind == "template": small = shrunk_template(program, case); again = compare_template(program, small)
                else: small = shrunk(program, case); again = compare_tokenizer(program, small)
                detail = again[1]
                if kind == "tokenizer": small = {k: v for k, v in {**small["tokenizer"], "texts": small["texts"], "ids": small["ids"]}.items() if v not in (None, [], "1.0")}
                else: small = small["template"]
            print(f"{number}: {outcome} {detail}\n    {str(json.dumps(small, ensure_ascii=True))[:1500]}", flush=True)
        elif args.verbose: print(f"{number}: {outcome} {detail} {json.dumps(case, ensure_ascii=True)[:3000]}", flush=True)
    for kind in ["tokenizer", "template"]:
        totals = collections.Counter()
        for (k, outcome, _), n in counts.items():
            if k == kind: totals[outcome] += n
        for outcome, n in totals.most_common():
            print(f"{n:6} {kind} {outcome}")
            for (k, o, detail), m in counts.most_common():
                if (k, o) == (kind, outcome) and detail: print(f"       {m:5} {detail}")
    if faults: sys.exit(f"{len(faults)} faults: {faults[:50]}")


if __name__ == "__main__": main()
