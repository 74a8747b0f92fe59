"""Lookup tables on a small store, in numpy: what LookupTableTests compares with.

usage: make_tables.py            writes tables/tables.json beside this file
needs: pip install numpy tokenizers

Vectors depend on the token, the one before it and chance. A table's vector for a key is (sum of unit vectors + 1 * the coarser table's) / (n + 1);
least squares takes the embeddings of previous, current and next token and a constant, with a ridge of 1e-3 times the mean square of an
input. FVE is 1 - mean(2 - 2 cos) / (E|g|^2 - |E g|^2) over the held-out rows.
"""
import json, os
import numpy as np
from tokenizers import Tokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
tokenizer = Tokenizer.from_file(os.path.join(HERE, "pairs/qwen2/target/tokenizer.json"))
rng = np.random.default_rng(5)
D, E, SHRINK, RIDGE = 6, 3, 1.0, 1e-3
WORDS = "the dog key mill river ran found and a".split()

def embedding(token):
    return np.array([np.sin(1.3 * token + 0.7 * j) for j in range(E)])

effect = {}
def of(name, scale):
    if name not in effect: effect[name] = scale * rng.normal(size=D)
    return effect[name]

documents, rows = [], []
for n in range(36):
    text = " ".join(rng.choice(WORDS, size=7))
    encoded = tokenizer.encode(text, add_special_tokens=False)
    documents.append({"id": f"d{n}", "kind": ["story", "note"][n % 2], "split": "held-out" if n % 4 == 3 else ["av", "ar"][n % 2], "text": text})
    places = sorted(rng.choice(len(encoded.ids), size=4, replace=False).tolist())
    if n % 5 == 0: places[0] = 0
    for p in sorted(set(places)):
        token, previous = encoded.ids[p], encoded.ids[p - 1] if p else None
        following = int(rng.choice(encoded.ids))
        v = 3 * np.ones(D) + of(("t", token), 2) + of(("p", previous), 1) + of(("n", following), 1) + 0.5 * rng.normal(size=D)
        rows.append({"document": n, "position": p, "byte_end": encoded.offsets[p][1], "next": following, "vector": np.round(v, 4).tolist(),
                     "token": token, "previous": previous})

unit = np.array([np.array(r["vector"], np.float32).astype(float) for r in rows])
unit /= np.linalg.norm(unit, axis=1, keepdims=True)
split = [documents[r["document"]]["split"] for r in rows]
fit = [i for i, s in enumerate(split) if s != "held-out"]
test = [i for i, s in enumerate(split) if s == "held-out"]
mean = unit[fit].mean(0)

KEYS = {
    "token": (lambda r: (r["token"],), "mean"),
    "previous_token": (lambda r: None if r["previous"] is None else (r["token"], r["previous"]), "token"),
    "token_next": (lambda r: (r["token"], r["next"]), "token"),
    "kind_token_next": (lambda r: (r["token"], r["next"], documents[r["document"]]["kind"]), "token_next"),
}
def vector(table, row):
    if table == "mean": return mean
    key, coarser = KEYS[table]
    own = [i for i in fit if key(rows[i]) == key(row)] if key(row) is not None else []
    if not own: return vector(coarser, row)
    return (unit[own].sum(0) + SHRINK * vector(coarser, row)) / (len(own) + SHRINK)

def features(row):
    parts = [np.zeros(E) if t is None else embedding(t) for t in (row["previous"], row["token"], row["next"])]
    return np.concatenate(parts + [np.ones(1)])
X, Y = np.array([features(rows[i]) for i in fit]), unit[fit]
G = X.T @ X
R = RIDGE * np.trace(G[:-1, :-1]) / (len(G) - 1) * np.eye(len(G)); R[-1, -1] = 0
B = np.linalg.solve(G + R, X.T @ Y)

g = unit[test]
variance = (g ** 2).sum(1).mean() - (g.mean(0) ** 2).sum()
def fve(p):
    cos = (p * g).sum(1) / np.linalg.norm(p, axis=1)
    return 1 - (2 - 2 * cos).mean() / variance
expected = {"variance": variance, "tables": {}}
for name in ["mean", *KEYS, "linear"]:
    p = np.array([features(rows[i]) @ B if name == "linear" else vector(name, rows[i]) for i in test])
    entry = {"fve": fve(p), "first": p[0].tolist(), "last": p[-1].tolist()}
    if name in KEYS:
        key = KEYS[name][0]
        entry["met"] = float(np.mean([key(rows[i]) is not None and any(key(rows[j]) == key(rows[i]) for j in fit) for i in test]))
    expected["tables"][name] = entry
for r in rows: del r["token"], r["previous"]
os.makedirs(os.path.join(HERE, "tables"), exist_ok=True)
with open(os.path.join(HERE, "tables/tables.json"), "w") as file:
    json.dump({"documents": documents, "rows": rows, "expected": expected}, file, indent=1)
    file.write("\n")
print({name: round(entry["fve"], 3) for name, entry in expected["tables"].items()})
