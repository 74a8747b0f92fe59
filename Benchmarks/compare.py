"""Runs `nla bench` and its peers in turn, in one sitting, and prints medians and ratios.

usage: compare.py CONFIG.json [--rounds 3] [--only av_step,ar_step] [--python PYTHON] [--without llama.cpp] [--isa avx2]
                  [--dtypes bfloat16,float32] [--output FILE.json]

Each round runs every program once on every workload it has, one program after the other, so that a machine whose speed drifts
drifts for all. The ratio of a workload is the median over the rounds of (ours / theirs within the round); for seconds it is
theirs / ours, so that more is better everywhere. With --isa every program is limited to that instruction set. With several --dtypes
a peer computes each workload in each of them, and its better result counts. llama.cpp's weights are of these types, too. The Python needs torch and transformers, and numpy, gguf and llama-cpp-python
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
parser.add_argument("--isa", choices=["avx2", "avx512", "avx512bf16"])
parser.add_argument("--dtypes", default="bfloat16")
parser.add_argument("--output")
arguments = parser.parse_args()
dtypes = arguments.dtypes.split(",")

# llama.cpp is limited when it is built: -DGGML_NATIVE=OFF -DGGML_AVX512=OFF -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON for avx2.
environment = dict(os.environ)
if arguments.isa:
    onednn = {"avx2": "AVX2", "avx512": "AVX512_CORE", "avx512bf16": "AVX512_CORE_BF16"}[arguments.isa]
    environment |= {
        "INTERLINEAR_ISA": arguments.isa, "ONEDNN_MAX_CPU_ISA": onednn, "DNNL_MAX_CPU_ISA": onednn,
        "ATEN_CPU_CAPABILITY": "avx2" if arguments.isa == "avx2" else "avx512",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2" if arguments.isa == "avx2" else "AVX512",
    }

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
        results[name] = {}
        for dtype in dtypes if name != "nla" else [None]:
            run = subprocess.run(command + (["--dtype", dtype] if dtype else []), capture_output=True, text=True, env=environment)
            if run.returncode: sys.exit(f"{name} failed with status {run.returncode} (-9: killed, mostly for memory):\n{run.stderr[-2000:]}")
            found = json.loads(run.stdout.splitlines()[-1])
            if dtype: results[name].setdefault("dtypes", {})[dtype] = found
            for key, value in found.items():
                if not key.endswith("_s"): results[name][key] = value
                elif key.endswith("_per_s"): results[name][key] = max(value, results[name].get(key, value))
                else: results[name][key] = min(value, results[name].get(key, value))
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
for key in [k for k in rounds[0]["nla"] if k.endswith(("_flops", "_weight_bandwidth"))]:
    shares = [r["nla"][key] / r["nla"][key + "_limit"] for r in rounds]
    summary[key] = {"share_of_limit": statistics.median(shares), "limit": statistics.median(r["nla"][key + "_limit"] for r in rounds)}
    print(f"{key:36}{100 * statistics.median(shares):7.1f}% of {summary[key]['limit'] / 1e9:.1f}e9 ({', '.join(f'{100 * s:.1f}' for s in shares)})")
peaks = {k: max(r["nla"][k] for r in rounds) for k in rounds[0]["nla"] if k.endswith("peak_resident_bytes")}
for key, value in peaks.items(): print(f"{key:36}{value / 2**30:8.2f} GiB")
keep(isa=arguments.isa, rounds=rounds, summary=summary, peaks=peaks)
