#!/usr/bin/env python3
"""Makes the Parquet files of ParquetTests with pyarrow, and beside each NAME.json with its rows as pyarrow reads them.

    python3 Tests/Goldens/parquet/make_parquet.py

Two kinds of file that pyarrow reads and does not write are made from its own by changing their metadata: lists of two levels, as
older writers laid them out, and levels in the older packed encoding.
"""

import datetime
import decimal
import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

HERE = os.path.dirname(os.path.abspath(__file__))


def plain(value):
    """A value as JSON has it."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        if value and isinstance(value[0], tuple):
            return {key: plain(item) for key, item in value}
        return [plain(item) for item in value]
    if isinstance(value, np.floating):
        return float(value)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, datetime.datetime):
        return round(value.replace(tzinfo=datetime.timezone.utc).timestamp() * 1000)
    if isinstance(value, datetime.date):
        return (value - datetime.date(1970, 1, 1)).days
    return value


def check(name, like=None):
    """Writes down what pyarrow reads, unless another file has the same rows."""
    path = os.path.join(HERE, name + ".parquet")
    rows = [plain(row) for row in pq.read_table(path).to_pylist()]
    if like:
        assert rows == json.load(open(os.path.join(HERE, like + ".json"))), name
        print(f"{name}: as {like}, {os.path.getsize(path)} bytes")
        return
    write_json(name, rows)
    print(f"{name}: {len(rows)} rows, {os.path.getsize(path)} bytes")


def write_json(name, rows):
    with open(os.path.join(HERE, name + ".json"), "w") as file:
        json.dump(rows, file, ensure_ascii=False)
        file.write("\n")


def write(name, table, like=None, **options):
    pq.write_table(table, os.path.join(HERE, name + ".parquet"), **{"compression": "none", "use_dictionary": False, **options})
    check(name, like)


def leaves():
    count = 40
    sometimes = lambda values: [None if index % 7 == 3 else value for index, value in enumerate(values)]
    return pa.table(
        {
            "boolean": pa.array(sometimes([index % 3 == 0 for index in range(count)])),
            "int8": pa.array(sometimes(range(-20, 20)), pa.int8()),
            "uint16": pa.array(sometimes(range(65535 - count, 65535)), pa.uint16()),
            "int32": pa.array(sometimes([index * 100003 - 2**30 for index in range(count)]), pa.int32()),
            "uint32": pa.array(sometimes([2**32 - 1 - index for index in range(count)]), pa.uint32()),
            "int64": pa.array(sometimes([(-1) ** index * 3**index for index in range(count - 1)] + [-(2**63)]), pa.int64()),
            "float16": pa.array(sometimes([np.float16(index / 7 - 2) for index in range(count)]), pa.float16()),
            "float": pa.array(sometimes([index / 3 - 5 for index in range(count)]), pa.float32()),
            "double": pa.array(sometimes([index / 3 - 5 for index in range(count)]), pa.float64()),
            "string": pa.array(sometimes(["", "Zürich", "木 🙂", "the same text", "the same text again"] * 8)),
            "binary": pa.array(sometimes([b"bytes", b""] * 20)),
            "date": pa.array(sometimes([datetime.date(2026, 1, 1 + index % 28) for index in range(count)])),
            "time": pa.array(sometimes([datetime.datetime(2026, 11, 29, 15, index) for index in range(count)]), pa.timestamp("ms")),
            "required": pa.array(range(count), pa.int64()),
            "nothing": pa.nulls(count),
        }
    ).cast(
        pa.schema(
            [
                ("boolean", pa.bool_()), ("int8", pa.int8()), ("uint16", pa.uint16()), ("int32", pa.int32()), ("uint32", pa.uint32()),
                ("int64", pa.int64()), ("float16", pa.float16()), ("float", pa.float32()), ("double", pa.float64()), ("string", pa.string()),
                ("binary", pa.binary()), ("date", pa.date32()), ("time", pa.timestamp("ms")),
                pa.field("required", pa.int64(), nullable=False), ("nothing", pa.null()),
            ]
        )
    )


def nested():
    message = pa.struct([("role", pa.string()), ("content", pa.string())])
    return pa.table(
        {
            "messages": pa.array(
                [
                    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}], [],
                    None, [{"role": "user", "content": None}, None, {"role": None, "content": "?"}],
                ] * 3, pa.list_(message)),
            "deep": pa.array([[[[1, 2], []], None, []], None, [], [[[3], [None, 4]], [[]]]] * 3, pa.list_(pa.list_(pa.list_(pa.int32())))),
            "tree": pa.array(
                [{"a": {"b": [1.5], "c": "x"}, "d": None}, None, {"a": None, "d": 3}, {"a": {"b": None, "c": None}, "d": 4}] * 3,
                pa.struct([("a", pa.struct([("b", pa.list_(pa.float64())), ("c", pa.string())])), ("d", pa.int64())])),
            "map": pa.array([[("k", 1), ("l", None)], None, [("m", 3)], [("n", 4)]] * 3, pa.map_(pa.string(), pa.int64())),
        }
    )


def activations():
    generator = np.random.default_rng(7)
    values = generator.standard_normal((12, 6)).astype(np.float32)
    flat = pa.array(values.reshape(-1))
    offsets = pa.array(np.arange(13, dtype=np.int32) * 6)
    return pa.table(
        {
            "activation_vector": pa.ListArray.from_arrays(offsets, flat),
            "fixed": pa.FixedSizeListArray.from_arrays(flat, 6),
            "half": pa.ListArray.from_arrays(offsets, pa.array(values.astype(np.float16).reshape(-1), pa.float16())),
            "double": pa.ListArray.from_arrays(offsets, pa.array(values.astype(np.float64).reshape(-1))),
            "doc_id": pa.array([f"doc {index // 3}" for index in range(12)]),
        }
    )


# Thrift's compact protocol, as far as it takes to change a file's metadata: structures become {number: (kind, value)}.


class Thrift:
    def __init__(self, data, position=0):
        self.data, self.position = data, position

    def varint(self):
        value = shift = 0
        while True:
            byte = self.data[self.position]
            self.position += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def value(self, kind):
        if kind in (1, 2):
            return kind == 1
        if kind in (4, 5, 6):
            value = self.varint()
            return (value >> 1) ^ -(value & 1)
        if kind == 8:
            length = self.varint()
            self.position += length
            return self.data[self.position - length : self.position]
        if kind == 9:
            header = self.data[self.position]
            self.position += 1
            count = header >> 4 if header >> 4 < 15 else self.varint()
            return header & 15, [self.value(header & 15) for _ in range(count)]
        assert kind == 12, kind
        fields, number = {}, 0
        while True:
            header = self.data[self.position]
            self.position += 1
            if header == 0:
                return fields
            number = number + (header >> 4) if header >> 4 else self.value(5)
            fields[number] = (header & 15, self.value(header & 15))

    @staticmethod
    def number(value):
        out = bytearray()
        while value >= 128:
            out.append(value & 127 | 128)
            value >>= 7
        return bytes(out + bytes([value]))

    @classmethod
    def write(cls, kind, value):
        if kind in (1, 2):
            return b""
        if kind in (4, 5, 6):
            return cls.number(value << 1 if value >= 0 else (-value << 1) - 1)
        if kind == 8:
            return cls.number(len(value)) + bytes(value)
        if kind == 9:
            inner, items = value
            head = bytes([len(items) << 4 | inner]) if len(items) < 15 else bytes([240 | inner]) + cls.number(len(items))
            return head + b"".join(cls.write(inner, item) for item in items)
        out, last = b"", 0
        for number, (inner, item) in sorted(value.items()):
            out += bytes([number - last << 4 | inner]) + cls.write(inner, item)
            last = number
        return out + b"\0"


def footer_of(data):
    length = int.from_bytes(data[-8:-4], "little")
    return Thrift(data, len(data) - 8 - length).value(12), data[: len(data) - 8 - length]


def with_footer(body, footer):
    written = Thrift.write(12, footer)
    return body + written + len(written).to_bytes(4, "little") + b"PAR1"


def two_levels(name, inner):
    """Lists whose repeated field is the element itself."""
    path = os.path.join(HERE, name + ".parquet")
    if inner == "int32":
        field = pa.field("list", pa.list_(pa.field("item", pa.int32(), nullable=False)))
        rows = [[1, 2], [], None, [3]]
    else:
        struct = pa.struct([pa.field("a", pa.int32()), pa.field("b", pa.string())])
        field = pa.field("list", pa.list_(pa.field("item", struct, nullable=False)))
        rows = [[{"a": 1, "b": "x"}, {"a": None, "b": "y"}], [], None, [{"a": 2, "b": None}]]
    table = pa.table([pa.array(rows, field.type)], schema=pa.schema([field]))
    pq.write_table(table, path, compression="none", use_dictionary=False, store_schema=False)
    footer, body = footer_of(open(path, "rb").read())
    elements = footer[2][1][1]
    # The root, the list, the repeated group, the element: the group goes, and the element is repeated.
    del elements[2]
    elements[2][3] = (5, 2)
    elements[2][4] = (8, b"array")
    for group in footer[4][1][1]:
        for chunk in group[1][1][1]:
            names = chunk[3][1][3][1][1]
            names[1:3] = [b"array"]
    open(path, "wb").write(with_footer(body, footer))
    check(name)


def packed_levels(name):
    """Definition levels in the older encoding: bits alone, the highest first.

    So the format's description has it, and its Java implementation; pyarrow takes the lowest first, so it is not asked here.
    """
    path = os.path.join(HERE, name + ".parquet")
    present = [index % 3 != 1 for index in range(21)]
    table = pa.table({"number": pa.array([index if there else None for index, there in enumerate(present)], pa.int32())})
    pq.write_table(table, path, compression="none", use_dictionary=False, store_schema=False, write_statistics=False)
    data = open(path, "rb").read()
    footer, body = footer_of(data)
    meta = footer[4][1][1][0][1][1][1][0][3][1]
    reader = Thrift(body, 4)
    header = reader.value(12)
    page = body[reader.position : reader.position + header[3][1]]
    values = page[4 + int.from_bytes(page[:4], "little") :]
    bits = "".join("1" if there else "0" for there in present).ljust(24, "0")
    page = bytes(int(bits[index : index + 8], 2) for index in range(0, 24, 8)) + values
    header[2] = header[3] = (5, len(page))
    header[5][1][3] = (5, 4)
    written = Thrift.write(12, header) + page
    meta[6] = meta[7] = (6, len(written))
    open(path, "wb").write(with_footer(b"PAR1" + written, footer))
    write_json(name, [{"number": index if there else None} for index, there in enumerate(present)])


def main():
    table = leaves()
    write("plain", table)
    write("dictionary", table, "plain", use_dictionary=True, data_page_version="2.0", compression="zstd")
    write("overflow", table, "plain", use_dictionary=True, dictionary_pagesize_limit=20, data_page_size=50, write_batch_size=4)
    for codec in ("snappy", "gzip", "zstd", "lz4"):
        write(codec, pa.table({"text": [f"text {index % 5} that repeats" for index in range(200)]}), None if codec == "snappy" else "snappy", compression=codec, write_page_checksum=True)
    brotli = os.path.join(HERE, "brotli.parquet")
    pq.write_table(pa.table({"text": ["text"] * 20}), brotli, compression="brotli")
    delta = {"int32": "DELTA_BINARY_PACKED", "int64": "DELTA_BINARY_PACKED", "uint32": "DELTA_BINARY_PACKED", "required": "DELTA_BINARY_PACKED",
             "string": "DELTA_BYTE_ARRAY", "binary": "DELTA_LENGTH_BYTE_ARRAY", "boolean": "RLE", "float16": "BYTE_STREAM_SPLIT",
             "float": "BYTE_STREAM_SPLIT", "double": "BYTE_STREAM_SPLIT", "time": "BYTE_STREAM_SPLIT", "date": "BYTE_STREAM_SPLIT"}
    write("encodings", table, "plain", column_encoding=delta, data_page_version="2.0")
    write("encodings_v1", table, "plain", column_encoding=delta, compression="snappy", data_page_size=64, write_batch_size=8)
    write("nested", nested())
    write("nested_v2", nested(), "nested", data_page_version="2.0", compression="snappy", use_dictionary=True, row_group_size=5, data_page_size=30, write_batch_size=2)
    write("activations", activations(), row_group_size=5)
    odd = pa.table(
        {
            "decimal": pa.array([decimal.Decimal("1.25"), None], pa.decimal128(10, 2)),
            "raw": pa.array([b"\xff\xfe\x00", b"\x80"]),
            "nanoseconds": pa.array([1, 2], pa.timestamp("ns")),
            "ragged": pa.array([[1.0], [2.0, 3.0]], pa.list_(pa.float32())),
            "hollow": pa.array([[1.0], [None]], pa.list_(pa.float32())),
        })
    pq.write_table(odd, os.path.join(HERE, "odd.parquet"), use_deprecated_int96_timestamps=True)
    two_levels("two_levels", "int32")
    two_levels("two_levels_of_structures", "struct")
    packed_levels("packed_levels")
    write("empty", table.slice(0, 0))


if __name__ == "__main__":
    main()
