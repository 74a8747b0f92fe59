"""The Rust `tokenizers` package and `nla tokenize` on the same text, one thread each, in turn; the ids must be the same.

usage: bench_tokenizers.py TOKENIZER_DIR TEXT_FILE [--rounds 5]     (prints one JSON object)
needs: pip install tokenizers; a built .build/release/nla

Only the encoding is timed, and for nla also the loading, as it reports them itself. English text for it: any few megabytes, for instance
`cat /usr/share/common-licenses/* /usr/share/perl/*/pod/*.pod > text.txt`.
"""
import argparse, json, os, re, statistics, subprocess, time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
from tokenizers import Tokenizer

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("text")
parser.add_argument("--rounds", type=int, default=5)
arguments = parser.parse_args()

nla = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../.build/release/nla")
text = open(arguments.text, encoding="utf-8", newline="").read()
peer = Tokenizer.from_file(os.path.join(arguments.folder, "tokenizer.json"))
theirs, ours, loads = [], [], []
for _ in range(arguments.rounds):
    begin = time.perf_counter()
    expected = peer.encode(text, add_special_tokens=False).ids
    theirs.append(time.perf_counter() - begin)
    command = [nla, "tokenize", "--json", "--no-special-tokens", "--model", arguments.folder, "--file", arguments.text]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(run.stdout)["ids"] == expected, "the ids differ"
    load, encode = map(float, re.search(r"loaded in ([\d.]+) s, encoded in ([\d.]+) s", run.stderr).groups())
    loads.append(load)
    ours.append(encode)
ratio = statistics.median(a / b for a, b in zip(theirs, ours))
print(json.dumps({"megabytes": len(text.encode()) / 1e6, "tokens": len(expected), "nla_load_s": statistics.median(loads),
                  "nla_encode_s": statistics.median(ours), "tokenizers_encode_s": statistics.median(theirs), "ratio": ratio}))
