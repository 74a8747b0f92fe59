"""Runs `nla bench` and its peers in turn, in one sitting, and prints medians and ratios.

usage: compare.py CONFIG.json [--rounds 3] [--only av_step,ar_step] [--python PYTHON] [--without llama.cpp] [--output FILE.json]

Each round runs every program once on every workload it has, one program after the other, so that a machine whose speed drifts
drifts for all. The ratio of a workload is the median over the rounds of (ours / theirs within the round); for seconds it is
theirs / ours, so that more is better everywhere. The Python needs torch and transformers, and numpy, gguf and llama-cpp-python
for llama.cpp; by default it is the one that runs this script.
"""
import argparse, json, os, statistics, subprocess, sys

here = os.path.dirname(os.path.abspath(__file__))
parser = argparse.ArgumentParser()
parser.add_argument("config")
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--python", default=sys.executable)
parser.add_argument("--only", default="")
parser.add_argument("--without", default="")
parser.add_argument("--output")
arguments = parser.parse_args()

programs = {
    "nla": [os.path.join(here, "../.build/release/nla"), "bench", "--json", "--quiet", "--config", arguments.config],
    "PyTorch": [arguments.python, os.path.join(here, "peers/bench_transformers.py"), arguments.config],
    "llama.cpp": [arguments.python, os.path.join(here, "peers/bench_llamacpp.py"), arguments.config],
}
if arguments.rounds < 1: parser.error("--rounds: at least one")
for name in filter(None, arguments.without.split(",")):
    if name not in programs or name == "nla": parser.error(f"--without: {name} is no peer; there are PyTorch and llama.cpp")
    programs.pop(name)
if arguments.only:
    only = arguments.only.split(",")
    programs["nla"] += only
    if "PyTorch" in programs: programs["PyTorch"] += ["--only", arguments.only]
    if not {"extract", "rollout", "decode1"} & set(only): programs.pop("llama.cpp", None)

def keep(**found):
    if not arguments.output: return
    with open(arguments.output + ".part", "w") as file:
        json.dump({"config": os.path.basename(arguments.config), **found}, file, indent=1)
    os.replace(arguments.output + ".part", arguments.output)

rounds = []
for number in range(arguments.rounds):
    results = {}
    for name, command in programs.items():
        print(f"round {number + 1} of {arguments.rounds}: {name}", file=sys.stderr)
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode: sys.exit(f"{name} failed with status {run.returncode} (-9: killed, mostly for memory):\n{run.stderr[-2000:]}")
        results[name] = json.loads(run.stdout.splitlines()[-1])
    rounds.append(results)
    keep(rounds=rounds)  # a round takes minutes: what is measured is kept whatever comes

workloads = [k for k in rounds[0]["nla"] if k.endswith("_s")]
print(f"{'':26}" + "".join(f"{name:>12}" for name in programs) + "".join(f"{'× ' + n:>14}" for n in programs if n != "nla"))
summary = {}
for key in workloads:
    medians = {n: statistics.median(r[n][key] for r in rounds) for n in programs if all(key in r[n] for r in rounds)}
    better = (lambda ours, theirs: ours / theirs) if key.endswith("_per_s") else (lambda ours, theirs: theirs / ours)
    ratios = {n: statistics.median(better(r["nla"][key], r[n][key]) for r in rounds) for n in medians if n != "nla"}
    summary[key] = {"medians": medians, "ratios": ratios}
    line = f"{key:26}" + "".join(f"{medians[n]:12.4g}" if n in medians else f"{'–':>12}" for n in programs)
    print(line + "".join(f"{ratios[n]:14.2f}" if n in ratios else f"{'–':>14}" for n in programs if n != "nla"))
peaks = {k: max(r["nla"][k] for r in rounds) for k in rounds[0]["nla"] if k.endswith("peak_resident_bytes")}
for key, value in peaks.items(): print(f"{key:36}{value / 2**30:8.2f} GiB")
keep(rounds=rounds, summary=summary, peaks=peaks)
