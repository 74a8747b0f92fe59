"""GGUF files, read by our package and by others: what they make of them must be equal.

usage: check_gguf.py tokenizers FILE.gguf … [--program .build/release/TokenizationCases] [--cases 500] [--seed 1]
       check_gguf.py rules [--program …] [--cases 50] [--seed 1]
       check_gguf.py written FILE.gguf FOLDER
needs: pip install transformers gguf tokenizers safetensors torch

tokenizers    texts of nasty Unicode, pieces of this repository's documents and random ids go through the tokenizer inside each file, by our
              Tokenization and by transformers. Ids and decoded texts must be equal. Where transformers does not know the splitting rule that a file
              names (it then splits as GPT-2 does), llama.cpp's expressions for it are put in its place.
rules         the same with a small tokenizer, written by gguf-py, under the name of each splitting rule; and a SentencePiece vocabulary.
written       a file that `nla convert` wrote, and the folder it was made of: every tensor as gguf-py reads it is the folder's, with the changes that
              llama.cpp's converter makes, quantized by gguf-py where it is packed: equal bytes. transformers opens the file, with an equal configuration,
              and its tokenizer gives the folder's ids.

Exit status 1 if there is a fault.
"""
import argparse, collections, glob, os, random, sys, tempfile, warnings

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="critical", TOKENIZERS_PARALLELISM="false")
warnings.filterwarnings("ignore")
import fuzz_tokenizers as fuzz
from tokenizers import Regex, pre_tokenizers

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"
# llama.cpp's lists of expressions, each of which splits what the one before has left.
SHORT = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
DEEPSEEK = r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
RULES = {
    **dict.fromkeys(["gpt-2", "phi-2", "mpt", "olmo", "jais", "trillion", "exaone4"], [GPT2]),
    **dict.fromkeys(["smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"], [r"\p{N}", GPT2]),
    "falcon": [r"[\p{P}\$\+<=>\^~\|`]+", GPT2, "[0-9][0-9][0-9]"],
    "default": [r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"],
    **dict.fromkeys(["glm4", "chatglm-bpe"], [SHORT + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|" + REST]),
    **dict.fromkeys(["stablelm2", "hunyuan", "solar-open", "grok-2"], [SHORT + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|" + REST]),
    "deepseek-coder": [r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+", r"\p{N}"],
    **dict.fromkeys(["deepseek-v3", "hunyuan-dense", "joyai-llm"], [r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", DEEPSEEK]),
    "seed-coder": [SHORT + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+"],
    "bailingmoe": [r"'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"],
}


def metadata(path):
    from gguf import GGUFReader
    fields = GGUFReader(path).fields
    return {key: fields[key].contents() for key in ["tokenizer.ggml.model", "tokenizer.ggml.pre"] if key in fields}


def reference(path):
    """The tokenizer that transformers makes of a file, with the splitting rule that the file names."""
    from transformers import AutoTokenizer
    from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS as known
    t = AutoTokenizer.from_pretrained(os.path.dirname(path), gguf_file=os.path.basename(path)).backend_tokenizer
    found = metadata(path)
    rule = found.get("tokenizer.ggml.pre")
    if found["tokenizer.ggml.model"] == "gpt2" and rule not in known and rule in RULES:
        splits = [pre_tokenizers.Split(Regex(e), behavior="isolated") for e in RULES[rule]]
        t.pre_tokenizer = pre_tokenizers.Sequence([*splits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    return t


def texts(r, documents, tokens):
    found = [fuzz.text(r, tokens) for _ in range(4)]
    for _ in range(4):
        document = r.choice(documents); start = r.randrange(len(document))
        piece = document[start:start + r.choice([5, 40, 300])]
        found.append(piece if r.random() < 0.7 else piece + fuzz.text(r, tokens) + piece[::-1])
    return found


def small_files(folder, documents):
    """A byte-level tokenizer under the name of each rule, and a SentencePiece one: tokenizers alone, as gguf-py writes them."""
    import gguf
    from tokenizers import Tokenizer, models, trainers
    from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS as known
    t = Tokenizer(models.BPE()); t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.train_from_iterator(documents, trainers.BpeTrainer(vocab_size=3000, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    import json
    model = json.loads(t.to_str())["model"]
    pieces = sorted(model["vocab"], key=model["vocab"].get) + ["<|endoftext|>", "<tool>"]
    kinds = [1] * (len(pieces) - 2) + [3, 4]
    for rule in [*known, *RULES]:
        path = os.path.join(folder, f"{rule}.gguf")
        w = gguf.GGUFWriter(path, "llama")
        w.add_tokenizer_model("gpt2"); w.add_tokenizer_pre(rule); w.add_token_list(pieces); w.add_token_types(kinds)
        w.add_token_merges([" ".join(m) for m in model["merges"]]); w.add_eos_token_id(len(pieces) - 2); w.add_bos_token_id(len(pieces) - 2)
        w.add_add_bos_token(False)
        w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()
        yield path
    # Scores as SentencePiece gives them: minus the rank of the merge; bytes and control tokens zero.
    counts = collections.Counter(" ".join(documents).replace(" ", "▁"))
    letters = [c for c, _ in counts.most_common(300)]
    merged = [m for m in (p.replace("Ġ", "▁") for p in pieces[256:-2]) if all(c in counts for c in m)]
    pieces = [""] * 3 + [f"<0x{i:02X}>" for i in range(256)] + merged + [c for c in letters if c not in merged] + ["<mask>", "<pad>", "<tool>"]
    scores = [0.0] * 259 + [-float(i) for i in range(len(pieces) - 259)]
    kinds = [2, 3, 3] + [6] * 256 + [1] * (len(pieces) - 262) + [3, 3, 4]
    for architecture in ["gemma3", "phi3"]:
        path = os.path.join(folder, f"spm-{architecture}.gguf")
        # transformers' class for Gemma adds these where they are missing.
        if architecture == "gemma3": pieces = ["<unk>", "<bos>", "<eos>", *pieces[3:]]
        else: pieces = ["<unk>", "<s>", "</s>", *pieces[3:]]
        w = gguf.GGUFWriter(path, architecture)
        w.add_tokenizer_model("llama"); w.add_token_list(pieces); w.add_token_scores(scores); w.add_token_types(kinds)
        w.add_bos_token_id(1); w.add_eos_token_id(2); w.add_unk_token_id(0); w.add_add_space_prefix(architecture == "phi3")
        w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()
        yield path


def check_tokenizer(path, args, documents):
    """The faults, one line each."""
    t, program, faults, count = reference(path), fuzz.Program(args.program), [], 0
    tokens = [a.content for a in t.get_added_tokens_decoder().values()][:200]
    top = t.get_vocab_size()
    for number in range(args.cases):
        r = random.Random(f"{args.seed}/{number}")
        case = {"folder": path, "texts": texts(r, documents, tokens), "ids": [[r.randrange(top) for _ in range(r.choice([1, 5, 30]))] for _ in range(4)]}
        got, want = program.ask(case), fuzz.theirs(t, case["texts"], case["ids"])
        if got is None or "error" in got: return [f"{path}: {got}"], count
        faults += [f"{path}: {complaint}" for complaint in got["complaints"]]
        for s, a, b in zip(case["texts"], got["encoded"], want["encoded"]):
            count += 1
            if a != b: faults.append(f"{path}: {s!a}: ours {a['ids']}, theirs {b['ids']}")
        for ids, a, b in zip(case["ids"] + [e["ids"] for e in want["encoded"]], got["decoded"], want["decoded"]):
            count += 1
            if a != b: faults.append(f"{path}: {ids}: ours {a}, theirs {b}")
    return faults, count


def check_written(path, folder):
    """The faults, one line each."""
    import numpy as np, torch
    from gguf import GGUFReader, GGMLQuantizationType, get_tensor_name_map, MODEL_ARCH_NAMES, quants
    from safetensors import safe_open
    from transformers import AutoConfig, AutoTokenizer
    faults, reader, files = [], GGUFReader(path), sorted(glob.glob(os.path.join(folder, "*.safetensors")))
    fields = {key: field.contents() for key, field in reader.fields.items() if key.startswith(("general.", "llama.", "qwen", "gemma"))}
    architecture = fields["general.architecture"]
    names = get_tensor_name_map(next(a for a, n in MODEL_ARCH_NAMES.items() if n == architecture), fields[f"{architecture}.block_count"])
    found = {t.name: t for t in reader.tensors}
    found.pop("rope_freqs.weight", None)
    for file in files:
        with safe_open(file, "pt") as tensors:
            for name in tensors.keys():
                known = names.get_name(name, try_suffixes=(".weight", ".bias"))
                if known is None: faults.append(f"{name}: gguf-py has no name for it"); continue
                if known == "output.weight" and known not in found: continue
                weights, t = tensors.get_tensor(name).to(torch.float32).numpy(), found.pop(known, None)
                if t is None: faults.append(f"{known}: missing"); continue
                heads = fields[f"{architecture}.attention.head_count" + ("_kv" if ".attn_k." in known else "")]
                if architecture == "llama" and (".attn_q." in known or ".attn_k." in known):
                    weights = weights.reshape(heads, 2, weights.shape[0] // heads // 2, *weights.shape[1:]).swapaxes(1, 2).reshape(weights.shape)
                if architecture == "gemma3" and known.endswith("norm.weight"): weights = weights + np.float32(1)
                wanted = quants.quantize(np.ascontiguousarray(weights), GGMLQuantizationType(t.tensor_type))
                if weights.ndim == 1 and t.tensor_type != GGMLQuantizationType.F32: faults.append(f"{known}: a vector in {t.tensor_type.name}")
                if np.asarray(t.data).tobytes() != wanted.tobytes(): faults.append(f"{known}: other bytes than gguf-py's {t.tensor_type.name}")
    faults += [f"{name}: the folder has no such tensor" for name in found]
    # transformers, on the same two.
    one = AutoConfig.from_pretrained(os.path.dirname(path), gguf_file=os.path.basename(path)).to_dict()
    other = AutoConfig.from_pretrained(folder).to_dict()
    for key in ["model_type", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "vocab_size", "tie_word_embeddings"]:
        if one[key] != other[key]: faults.append(f"configuration: {key} {one[key]}, the folder has {other[key]}")
    return faults + compare_ids(reference(path), AutoTokenizer.from_pretrained(folder).backend_tokenizer)


def compare_ids(one, other):
    documents = [open(f, encoding="utf-8").read() for f in sorted(glob.glob(os.path.join(ROOT, "**", "*.md"), recursive=True))]
    faults, r = [], random.Random(1)
    for _ in range(300):
        document = r.choice(documents); start = r.randrange(len(document)); text = document[start:start + r.choice([5, 40, 300])]
        if one.encode(text).ids != other.encode(text).ids: faults.append(f"tokenizer: {text!a}: {one.encode(text).ids}, the folder's gives {other.encode(text).ids}")
    return faults


def main():
    p = argparse.ArgumentParser()
    p.add_argument("check", choices=["tokenizers", "rules", "written"]); p.add_argument("files", nargs="*")
    p.add_argument("--program", default=os.path.join(ROOT, ".build/release/TokenizationCases"))
    p.add_argument("--cases", type=int, default=500); p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    if args.check == "written":
        faults = check_written(os.path.abspath(args.files[0]), args.files[1])
        for fault in faults[:20]: print(fault[:1500])
        print(f"{args.files[0]}: {len(faults)} faults")
        sys.exit(bool(faults))
    documents = [open(f, encoding="utf-8").read() for f in sorted(glob.glob(os.path.join(ROOT, "**", "*.md"), recursive=True))]
    failed, folder = False, tempfile.TemporaryDirectory()
    for path in args.files if args.check == "tokenizers" else small_files(folder.name, documents):
        faults, count = check_tokenizer(os.path.abspath(path), args, documents)
        for fault in faults[:10]: print(fault[:1500])
        print(f"{path}: {count} texts and lists of ids, {len(faults)} faults", flush=True)
        failed = failed or bool(faults)
    sys.exit(failed)


if __name__ == "__main__": main()
