import JSON

/// Reads a GGUF file's header and checks it.
struct HeaderReader {
    let source: String
    private(set) var version = 0
    private(set) var keys: [String] = []
    private(set) var metadata: [String: GGUFValue] = [:]
    private(set) var tensors: [GGUFHeader.Entry] = []
    private(set) var alignment = 32

    init(source: String) { self.source = source }

    private func fail(_ reason: String) -> GGUFError { GGUFError("\(source): \(reason)") }

    /// Reads the whole header.
    mutating func read(_ bytes: UnsafeRawBufferPointer) throws {
        var cursor = GGUFCursor(bytes, source: source)
        try readVersion(&cursor)
        let tensorCount = try cursor.count(of: "the tensors", size: 8 + 4 + 8 + 4 + 8)
        let keyCount = try cursor.count(of: "the metadata's keys", size: 8 + 4 + 1)
        for _ in 0..<keyCount {
            let key = try cursor.name("a key of the metadata", limit: 65535)
            let value = try cursor.value(cursor.type(key), key)
            guard metadata.updateValue(value, forKey: key) == nil else { throw fail("\(key): stands twice") }
            keys.append(key)
        }
        try readAlignment()
        var claims: [Claim] = []
        for _ in 0..<tensorCount { claims.append(try Claim(&cursor)) }
        try place(claims, behind: cursor.offset, fileSize: bytes.count)
    }

    private mutating func readVersion(_ cursor: inout GGUFCursor) throws {
        let bytes = cursor.bytes
        guard bytes.count >= 8, bytes.starts(with: Array("GGUF".utf8)) else {
            let isCut = bytes.starts(with: Array("GGUF".utf8))
            let head = UnsafeRawBufferPointer(rebasing: bytes.prefix(4096))
            let complaint = isCut ? nil : FileFormat.complaint(of: head, wanted: .gguf)
            throw fail(
                complaint ?? "no GGUF file, or one of which only \(bytes.count) bytes are there; download it again")
        }
        _ = try cursor.number(UInt32.self, "the mark")
        let number = try cursor.number(UInt32.self, "the version")
        // A small number with its bytes reversed: a file for machines of the other byte order.
        guard number & 0xFFFF != 0 || number == 0 else {
            throw fail("a big-endian GGUF file, which is not read; take the little-endian version")
        }
        guard number == 2 || number == 3 else {
            throw fail("GGUF version \(number) is not read; versions 2 and 3 are: convert it with a newer program")
        }
        version = Int(number)
    }

    private mutating func readAlignment() throws {
        let key = "general.alignment"
        guard let value = metadata[key] else { return }
        guard case .integer(let number) = value, number > 0, number & (number - 1) == 0, number <= 1 << 30 else {
            throw fail("\(key): a power of two is needed")
        }
        alignment = number
    }

    /// What the file claims of one tensor.
    private struct Claim {
        let name: String
        let type: GGMLType
        let shape: [Int]
        let byteCount: Int
        let offset: UInt64

        init(_ cursor: inout GGUFCursor) throws {
            name = try cursor.name("the name of a tensor", limit: 1024)
            let place = "tensor \(name)"
            let axes = try cursor.number(UInt32.self, place)
            guard (1...4).contains(axes) else { throw cursor.fail("\(place): \(axes) axes, 1 to 4 are possible") }
            var lengths: [Int] = []
            for _ in 0..<axes {
                let length = try cursor.number(UInt64.self, place)
                guard length > 0, let length = Int(exactly: length) else {
                    throw cursor.fail("\(place): an axis of length \(length); the file is damaged, download it again")
                }
                lengths.append(length)
            }
            shape = lengths.reversed()
            let number = try cursor.number(UInt32.self, place)
            guard let type = GGMLType(rawValue: number) else {
                throw cursor.fail(
                    "\(place): the type \(GGMLType.foreignName(number)) is not read; take a version of the model in one of \(HeaderReader.readableTypes)"
                )
            }
            self.type = type
            byteCount = try Claim.byteCount(type, lengths, place, cursor)
            offset = try cursor.number(UInt64.self, place)
        }

        private static func byteCount(
            _ type: GGMLType, _ lengths: [Int], _ place: String, _ cursor: GGUFCursor
        ) throws -> Int {
            guard lengths[0] % type.block.weights == 0 else {
                throw cursor.fail(
                    "\(place): rows of \(lengths[0]) are no multiple of the \(type.block.weights) weights in a block of \(type.name)"
                )
            }
            var count = lengths[0] / type.block.weights
            for factor in lengths.dropFirst() + [type.block.bytes] {
                let (product, overflow) = count.multipliedReportingOverflow(by: factor)
                guard !overflow else { throw cursor.fail("\(place): its shape \(Array(lengths.reversed())) overflows") }
                count = product
            }
            return count
        }
    }

    private static let readableTypes = GGMLType.allCases.filter { !$0.isInteger && $0 != .f64 }.map(\.name).joined(
        separator: ", ")

    /// Checks where the tensors lie: in the data, aligned, each for itself.
    private mutating func place(_ claims: [Claim], behind header: Int, fileSize: Int) throws {
        guard !claims.isEmpty else { return }
        let (padded, overflow) = header.addingReportingOverflow(alignment - 1)
        let dataOffset = padded / alignment * alignment
        guard !overflow, dataOffset <= fileSize else {
            throw fail("the file ends before the tensors' data; it is truncated, download it again")
        }
        let available = fileSize - dataOffset
        var names: Set<String> = []
        for claim in claims {
            guard names.insert(claim.name).inserted else { throw fail("tensor \(claim.name): stands twice") }
            guard claim.offset % UInt64(alignment) == 0 else {
                throw fail("tensor \(claim.name): begins at byte \(claim.offset), no multiple of \(alignment)")
            }
            guard claim.byteCount <= available, claim.offset <= UInt64(available - claim.byteCount) else {
                throw fail(
                    "tensor \(claim.name): \(claim.byteCount) bytes from byte \(claim.offset) of the data, the file has \(available); it is truncated, download it again"
                )
            }
            let begin = dataOffset + Int(claim.offset)
            tensors.append(
                .init(name: claim.name, type: claim.type, shape: claim.shape, range: begin..<begin + claim.byteCount))
        }
        let ordered = tensors.sorted { $0.range.lowerBound < $1.range.lowerBound }
        for (one, next) in zip(ordered, ordered.dropFirst()) where one.range.overlaps(next.range) {
            throw fail("the tensors \(one.name) and \(next.name) overlap")
        }
    }
}
