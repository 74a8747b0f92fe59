"""The compression of compress(1), which the Bible's package uses for each window of its text."""


def expand(data, most_bits=16, is_block=True):
    """The bytes that `data`, codes without the file's three leading bytes, stands for.

    Codes begin with 9 bits and grow with the table. They come in groups of eight; where the width changes, the rest of a group is
    padding. Code 256 empties the table.
    """
    table = [bytes([value]) for value in range(256)] + ([b""] if is_block else [])
    start = len(table)
    bits, position, group = 9, 0, 0
    previous, output = None, []
    while position + bits <= len(data) * 8:
        byte, shift = divmod(position, 8)
        code = (int.from_bytes(data[byte:byte + 4], "little") >> shift) & ((1 << bits) - 1)
        position += bits
        if is_block and code == 256:
            del table[start:]
            position = group + -(-(position - group) // (bits * 8)) * bits * 8
            bits, group, previous = 9, position, None
            continue
        if previous is None:
            entry = table[code]
        else:
            if code > len(table):
                raise ValueError("damaged: a code that the table does not hold yet")
            entry = table[code] if code < len(table) else previous + previous[:1]
            if len(table) < 1 << most_bits:
                table.append(previous + entry[:1])
        output.append(entry)
        previous = entry
        # The table is one entry behind the compressor's.
        if len(table) == 1 << bits and bits < most_bits:
            position = group + -(-(position - group) // (bits * 8)) * bits * 8
            bits, group = bits + 1, position
    return b"".join(output)
