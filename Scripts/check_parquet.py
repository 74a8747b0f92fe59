#!/usr/bin/env python3
"""Compares the module Parquet with pyarrow on random tables: what pyarrow writes we read, and what we write pyarrow reads.

    swift build -c release --product ParquetCases
    python3 Scripts/check_parquet.py --tables 1000 --seed 1             # a thousand tables each way
    python3 Scripts/check_parquet.py --tables 1 --first 519 --verbose   # one of them again
    python3 Scripts/check_parquet.py --damage 20000                     # damaged files: read, or refused in one line
    python3 Scripts/check_parquet.py --speed 1                          # a gigabyte of activations, against pyarrow

A table follows from the seed and its number: schema (nested to four levels, missing values at each), encodings, compression, page
version and sizes, row groups. Needs pyarrow and numpy.
"""

import argparse
import json
import math
import os
import random
import struct
import subprocess
import sys
import tempfile
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

LEAVES = [
    pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64(), pa.float16(),
    pa.float32(), pa.float64(), pa.string(), pa.large_string(), pa.binary(), pa.binary(5), pa.binary(1), pa.date32(), pa.time32("ms"),
    pa.time64("us"), pa.time64("ns"), pa.timestamp("ms"), pa.timestamp("us"), pa.timestamp("ns"), pa.null(),
    pa.dictionary(pa.int32(), pa.string()),
]
WORDS = ["", "a", "the", "Zürich", "木", "emoji 🙂", "line\nbreak", "quote \"", "longer text that repeats", "longer text that ends otherwise"]


class Cases:
    """The Swift side: a process that answers requests line by line."""

    def __init__(self, program):
        self.program = program
        self.start()

    def start(self):
        self.process = subprocess.Popen([self.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, request):
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            code = self.process.wait()
            self.start()
            return {"died": code}
        return json.loads(line)

    def peak(self):
        """Most memory that the process has had, in bytes."""
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
        return 0


# Tables for reading.


def random_type(rng, depth):
    kind = rng.random()
    if depth == 0 or kind < 0.55:
        return rng.choice(LEAVES)
    inner = lambda name="item": random_field(rng, name, depth - 1)
    if kind < 0.70:
        return pa.list_(inner(rng.choice(["item", "element"])))
    if kind < 0.75:
        return pa.large_list(inner())
    if kind < 0.83:
        return pa.list_(pa.field("item", rng.choice([pa.float32(), pa.float64(), pa.float16(), pa.int32(), pa.string()]), rng.random() < 0.5), rng.randint(1, 9))
    if kind < 0.95:
        return pa.struct([inner(f"f{index}") for index in range(rng.randint(1, 3))])
    return pa.map_(pa.string(), inner("value"))


def random_field(rng, name, depth):
    type = random_type(rng, depth)
    return pa.field(name, type, nullable=pa.types.is_null(type) or rng.random() < 0.6)


def random_leaf(rng, type):
    if pa.types.is_dictionary(type):
        type = type.value_type
    if pa.types.is_boolean(type):
        return rng.random() < 0.5
    if pa.types.is_integer(type):
        bits, signed = type.bit_width, pa.types.is_signed_integer(type)
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
        return rng.choice([low, high, 0, 1, rng.randint(low, high), max(low, min(high, rng.randint(-100, 100)))])
    if pa.types.is_float16(type):
        return np.float16(rng.choice([0.0, -0.0, 1.5, 6e-8, 65504.0, math.inf, rng.gauss(0, 10)]))
    if pa.types.is_float32(type):
        return float(np.float32(rng.choice([0.0, 1e-40, 3e38, -math.inf, math.nan, rng.gauss(0, 1)])))
    if pa.types.is_float64(type):
        return rng.choice([0.0, 5e-324, 1e308, math.inf, math.nan, rng.gauss(0, 1)])
    if pa.types.is_string(type) or pa.types.is_large_string(type):
        return rng.choice(WORDS) if rng.random() < 0.7 else rng.choice(WORDS) + str(rng.random())
    if pa.types.is_fixed_size_binary(type):
        return rng.randbytes(type.byte_width)
    if pa.types.is_binary(type) or pa.types.is_large_binary(type):
        return rng.randbytes(rng.randint(0, 12))
    if pa.types.is_date32(type):
        return rng.randint(-30000, 60000)
    if pa.types.is_time32(type):
        return rng.randint(0, 86399999)
    if pa.types.is_time64(type):
        return rng.randint(0, 86399999999)
    if pa.types.is_timestamp(type):
        # Within what all units and int96 hold.
        return rng.randint(-(10**9), 4 * 10**9) * {"ms": 1000, "us": 10**6, "ns": 10**9}[type.unit] + rng.randint(0, 999)
    return None


def random_value(rng, field, sparse):
    """A value as plain Python: integers for times, bytes for binary."""
    type = field.type
    if pa.types.is_null(type) or field.nullable and rng.random() < sparse:
        return None
    if pa.types.is_fixed_size_list(type):
        return [random_value(rng, type.value_field, sparse) for _ in range(type.list_size)]
    if pa.types.is_list(type) or pa.types.is_large_list(type):
        count = rng.choice([0, 1, 2, 3, rng.randint(0, 40)])
        return [random_value(rng, type.value_field, sparse) for _ in range(count)]
    if pa.types.is_struct(type):
        return {type[i].name: random_value(rng, type[i], sparse) for i in range(type.num_fields)}
    if pa.types.is_map(type):
        return [(f"k{index}", random_value(rng, type.item_field, sparse)) for index in range(rng.randint(0, 3))]
    return random_leaf(rng, type)


def has(type, test):
    if test(type):
        return True
    if pa.types.is_map(type):
        return has(type.item_type, test)
    return any(has(type.field(i).type, test) for i in range(type.num_fields))


def expected(value, type, int96):
    """What our side answers for a value."""
    if value is None:
        return None
    if pa.types.is_map(type):
        return [{"key": key, "value": expected(item, type.item_type, int96)} for key, item in value]
    if pa.types.is_list(type) or pa.types.is_large_list(type) or pa.types.is_fixed_size_list(type):
        return [expected(item, type.value_type, int96) for item in value]
    if pa.types.is_struct(type):
        return {type[i].name: expected(value[type[i].name], type[i].type, int96) for i in range(type.num_fields)}
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, np.float16):
        return float(value)
    if type == pa.uint64():
        return str(value)
    if pa.types.is_timestamp(type) and int96:
        nanoseconds = value * {"ms": 10**6, "us": 1000, "ns": 1}[type.unit]
        days, rest = divmod(nanoseconds, 86400 * 10**9)
        return struct.pack("<qi", rest, days + 2440588).hex()
    return value


def same(left, right):
    if isinstance(left, float) and isinstance(right, (float, int)):
        return math.isnan(left) and math.isnan(right) or left == right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return left == right and (type(left) is type(right) or isinstance(right, (int, float)))


ENCODINGS = {
    "BOOLEAN": ["PLAIN", "RLE"], "INT32": ["PLAIN", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"],
    "INT64": ["PLAIN", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"], "FLOAT": ["PLAIN", "BYTE_STREAM_SPLIT"],
    "DOUBLE": ["PLAIN", "BYTE_STREAM_SPLIT"], "BYTE_ARRAY": ["PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"],
    "FIXED_LEN_BYTE_ARRAY": ["PLAIN", "BYTE_STREAM_SPLIT", "DELTA_BYTE_ARRAY"], "INT96": ["PLAIN"],
}


def to_arrow(field, values):
    return pa.array(values, type=field.type)


def make_table(rng, tally):
    fields = [random_field(rng, f"c{index}", rng.choice([0, 1, 2, 3, 4])) for index in range(rng.randint(1, 4))]
    rows = rng.choice([0, 1, 2, 17, 100, rng.randint(1, 700)])
    sparse = rng.choice([0.0, 0.1, 0.5, 0.95])
    columns = [[random_value(rng, field, sparse) for _ in range(rows)] for field in fields]
    if rng.random() < 0.3:
        # Runs of one value.
        columns = [[column[index // 9] for index in range(rows)] for column in columns]
    table = pa.Table.from_arrays([to_arrow(f, c) for f, c in zip(fields, columns)], schema=pa.schema(fields))
    return table, columns


def write_randomly(rng, table, path, tally):
    def options():
        version = rng.choice(["1.0", "2.4", "2.6"])
        chosen = dict(
            compression=rng.choice(["none", "snappy", "zstd", "gzip", "lz4"]),
            data_page_version=rng.choice(["1.0", "2.0"]), version="2.6",
            data_page_size=rng.choice([64, 500, 4096, 1 << 20]), row_group_size=rng.choice([1, 7, 50, 1 << 20]),
            write_page_checksum=rng.random() < 0.5, use_compliant_nested_type=rng.random() < 0.8,
            write_statistics=rng.random() < 0.5, store_schema=rng.random() < 0.8, write_batch_size=rng.choice([1, 10, 1024]),
            write_page_index=rng.random() < 0.3,
        )
        return chosen

    chosen = options()
    if len(table) > 200:
        chosen["row_group_size"] = max(chosen["row_group_size"], 7)
    int96 = rng.random() < 0.15
    if int96:
        chosen["use_deprecated_int96_timestamps"] = True
    chosen["use_dictionary"] = rng.random() < 0.5
    if chosen["use_dictionary"]:
        chosen["dictionary_pagesize_limit"] = rng.choice([20, 1000, 1 << 20])
    else:
        pq.write_table(table.slice(0, 0), path, **chosen)
        schema = pq.ParquetFile(path).schema
        encodings = {}
        for index in range(len(schema)):
            column = schema.column(index)
            encodings[column.path] = rng.choice(ENCODINGS[column.physical_type])
            tally["encoding " + encodings[column.path]] = tally.get("encoding " + encodings[column.path], 0) + 1
        chosen["column_encoding"] = encodings
    pq.write_table(table, path, **chosen)
    for key in ("compression", "data_page_version"):
        tally[f"{key} {chosen[key]}"] = tally.get(f"{key} {chosen[key]}", 0) + 1
    return chosen, int96


def read_case(rng, cases, path, tally, verbose):
    table, columns = make_table(rng, tally)
    try:
        options, int96 = write_randomly(rng, table, path, tally)
    except (pa.ArrowException, OSError) as error:
        tally["pyarrow cannot write"] = tally.get("pyarrow cannot write", 0) + 1
        if verbose:
            print("pyarrow:", error)
        return None
    answer = cases.ask({"read": path})
    if "rows" not in answer:
        return f"{answer}\n{table.schema}\n{options}"
    wanted = [
        [expected(column[row], field.type, int96) for column, field in zip(columns, table.schema)] for row in range(len(table))
    ]
    tally["rows read"] = tally.get("rows read", 0) + len(wanted)
    if same(wanted, answer["rows"]):
        return None
    if len(wanted) != len(answer["rows"]):
        return f"{len(answer['rows'])} rows of {len(wanted)}\n{table.schema}\n{options}"
    row = next(index for index, pair in enumerate(zip(wanted, answer["rows"])) if not same(*pair))
    return f"row {row}: {answer['rows'][row]!r}, not {wanted[row]!r}\n{table.schema}\n{options}"


# Tables that we write.


def written_field(rng, name, depth, can_lack=False):
    """`can_lack`: whether something above may be missing. Arrow cannot read its own lists of one length there."""
    field = {"name": name, "optional": rng.random() < 0.6}
    kind = rng.random()
    inner = lambda name: written_field(rng, name, depth - 1, can_lack or field["optional"])
    if 0.75 <= kind < 0.85 and can_lack:
        kind = 0.6
    if depth == 0 or kind < 0.55:
        field["type"] = rng.choice(["boolean", "int32", "int64", "float", "double", "string", "string"])
    elif kind < 0.75:
        field.update(type="list", element=inner("element"))
    elif kind < 0.85:
        field.update(
            type="list", length=rng.randint(1, 9), optional=False,
            element={"name": "element", "type": rng.choice(["float", "double", "int32"]), "optional": rng.random() < 0.3})
    else:
        field.update(type="group", fields=[inner(f"f{index}") for index in range(rng.randint(1, 3))])
    return field


def written_type(field):
    kind = field["type"]
    if kind == "list":
        element = pa.field("element", written_type(field["element"]), field["element"]["optional"])
        return pa.list_(element, field["length"]) if "length" in field else pa.list_(element)
    if kind == "group":
        return pa.struct([pa.field(f["name"], written_type(f), f["optional"]) for f in field["fields"]])
    return {"boolean": pa.bool_(), "int32": pa.int32(), "int64": pa.int64(), "float": pa.float32(), "double": pa.float64(), "string": pa.string()}[kind]


def write_case(rng, cases, path, tally, verbose):
    fields = [written_field(rng, f"c{index}", rng.choice([0, 1, 2, 3, 4])) for index in range(rng.randint(1, 4))]
    schema = pa.schema([pa.field(f["name"], written_type(f), f["optional"]) for f in fields])
    sparse = rng.choice([0.0, 0.1, 0.5, 0.95])
    count = rng.choice([0, 1, 2, 17, 100, rng.randint(1, 700)])
    rows = [{f.name: random_value(rng, f, sparse) for f in schema} for _ in range(count)]
    if rng.random() < 0.3:
        rows = [rows[index // 9] for index in range(count)]
    options = {
        "compression": rng.choice(["none", "snappy", "zstd"]), "dictionary": rng.random() < 0.7, "statistics": rng.random() < 0.7,
        "rows_per_group": rng.choice([1, 7, 100, 1 << 20]), "page_bytes": rng.choice([1, 50, 1000, 1 << 20]),
        "bytes_per_group": rng.choice([100, 10000, 1 << 26]),
    }
    answer = cases.ask({"write": path, "schema": fields, "rows": rows, "options": options, "batch": rng.choice([1, 13, 1000])})
    detail = f"\n{schema}\n{options}"
    if answer.get("written") != count:
        return f"{answer}{detail}"
    tally["write " + options["compression"]] = tally.get("write " + options["compression"], 0) + 1
    try:
        table = pq.ParquetFile(path, page_checksum_verification=True).read()
        table.validate(full=True)
    except Exception as error:
        return f"pyarrow: {error}{detail}"
    if not table.schema.equals(schema):
        return f"schema {table.schema}{detail}"
    wanted = [{f.name: expected(row[f.name], f.type, False) for f in schema} for row in rows]
    found = table.to_pylist()
    tally["rows written"] = tally.get("rows written", 0) + count
    if not same(wanted, found):
        row = next((i for i, pair in enumerate(zip(wanted, found)) if not same(*pair)), None)
        return f"row {row}: {found[row] if row is not None else len(found)!r}, not {wanted[row] if row is not None else count!r}{detail}"
    # And we read what we wrote.
    answer = cases.ask({"read": path})
    ours = [dict(zip(schema.names, row)) for row in answer.get("rows", [])]
    return None if same(wanted, ours) else f"read back: {answer.get('error', 'other rows')}{detail}"


# Damage.


def damage_case(rng, cases, path, tally, verbose):
    table, _ = make_table(rng, tally)
    try:
        write_randomly(rng, table, path, {})
    except (pa.ArrowException, OSError):
        return None
    data = open(path, "rb").read()
    for _ in range(20):
        bytes_ = bytearray(data)
        for _ in range(rng.randint(1, 3)):
            if not bytes_:
                break
            footer = int.from_bytes(data[-8:-4], "little")
            place = rng.randrange(len(bytes_))
            if rng.random() < 0.5:
                place = max(0, min(len(bytes_) - 1, len(data) - 8 - rng.randint(0, footer)))
            kind = rng.randrange(6)
            if kind == 0:
                bytes_[place] ^= 1 << rng.randrange(8)
            elif kind == 1:
                bytes_[place] = rng.choice([0, 255, 127, 128, rng.randrange(256)])
            elif kind == 2:
                del bytes_[place : place + rng.randint(1, 9)]
            elif kind == 3:
                bytes_[place:place] = rng.randbytes(rng.randint(1, 5))
            elif kind == 4:
                # A large number in place of a small one.
                bytes_[place : place + 1] = b"\xfe\xff\xff\xff\x0f"
            elif rng.random() < 0.2:
                del bytes_[place:]
            else:
                bytes_[place] ^= 255
        open(path, "wb").write(bytes_)
        answer = cases.ask({"read": path})
        tally["damaged"] = tally.get("damaged", 0) + 1
        if "died" in answer:
            kept = os.path.join(tempfile.gettempdir(), f"died-{os.getpid()}-{rng.randrange(10**6)}.parquet")
            open(kept, "wb").write(bytes_)
            return f"died with {answer['died']}: {kept}"
        if "error" in answer:
            tally["refused"] = tally.get("refused", 0) + 1
            if "\n" in answer["error"] or len(answer["error"]) > 1000 or path not in answer["error"]:
                return f"not one line with the file: {answer['error'][:1500]}"
        else:
            tally["read"] = tally.get("read", 0) + 1
    return None


# Speed.


def measure_speed(program, gigabytes, folder):
    width = 3584
    rows = int(gigabytes * 10**9) // (4 * width)
    path = os.path.join(folder, "speed.parquet")
    for compression, fixed in [("none", False), ("zstd", False), ("snappy", True)]:
        type = pa.list_(pa.float32(), width) if fixed else pa.list_(pa.float32())
        with pq.ParquetWriter(path, pa.schema([("activation_vector", type)]), compression=compression, use_dictionary=False) as writer:
            generator = np.random.default_rng(0)
            for start in range(0, rows, 4096):
                count = min(4096, rows - start)
                values = pa.array(generator.standard_normal(count * width, dtype=np.float32))
                if fixed:
                    lists = pa.FixedSizeListArray.from_arrays(values, width)
                else:
                    lists = pa.ListArray.from_arrays(pa.array(np.arange(count + 1, dtype=np.int32) * width), values)
                writer.write_table(pa.table({"activation_vector": lists}))
        for turn in range(2):
            cases = Cases(program)
            start = time.perf_counter()
            answer = cases.ask({"matrix": path, "column": "activation_vector"})
            ours = time.perf_counter() - start
            peak = cases.peak()
            code = (
                "import pyarrow as pa, pyarrow.parquet as pq, numpy as np, time, resource, sys\n"
                "pa.set_cpu_count(1); f = pq.ParquetFile(sys.argv[1]); t = time.perf_counter(); s = 0.0\n"
                "for b in f.iter_batches(1024, use_threads=False): s += float(np.sum(b.column(0).flatten().to_numpy()))\n"
                "print(time.perf_counter() - t, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)\n"
            )
            theirs, memory = map(float, subprocess.check_output([sys.executable, "-c", code, path], text=True).split())
            size = rows * width * 4
            print(
                f"{compression:6} {'fixed' if fixed else 'list':5} {size / 1e9:.2f} GB: ours {ours:.2f} s ({size / 1e9 / ours:.2f} GB/s), "
                f"{peak / 2**20:.0f} MiB; pyarrow (one thread) {theirs:.2f} s, {memory / 2**20:.0f} MiB; {answer}", flush=True)
            cases.process.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=0, help="random tables each way")
    parser.add_argument("--damage", type=int, default=0, help="damaged files, about")
    parser.add_argument("--speed", type=float, default=0, help="gigabytes of activations to read")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--program", default=".build/release/ParquetCases")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    tally, faults = {}, 0
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "case.parquet")
        cases = Cases(arguments.program)
        jobs = [("read", read_case, arguments.tables), ("write", write_case, arguments.tables), ("damage", damage_case, arguments.damage // 20)]
        for name, job, count in jobs:
            for number in range(arguments.first, arguments.first + count):
                rng = random.Random(f"{arguments.seed} {name} {number}")
                fault = job(rng, cases, path, tally, arguments.verbose)
                if fault:
                    faults += 1
                    print(f"{name} {number}: {fault}\n", flush=True)
            if count:
                print(f"{name}: {count} cases, {faults} faults so far; most memory {cases.peak() / 2**20:.0f} MiB", flush=True)
        if arguments.speed:
            measure_speed(arguments.program, arguments.speed, folder)
    print(", ".join(f"{key}: {value}" for key, value in sorted(tally.items())))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
