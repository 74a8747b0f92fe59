import JSON

/// Reads tokenizer.json's `model`, straight from the bytes: its vocabulary and merges are nearly the whole file.
struct ModelReader {
    let source: String
    private var type: String?
    private var vocabulary: Vocabulary?
    private var merges: MergeTable?
    /// A reader at the merges, where they stand before the vocabulary that they refer to.
    private var postponedMerges: JSONReader?
    private var options = JSONObject()

    init(source: String) {
        self.source = source
    }

    private func error(_ reason: String) -> TokenizerError {
        TokenizerError(source: source, reason: reason)
    }

    /// Reads the object that stands at the reader's position.
    static func read(_ reader: inout JSONReader, source: String) throws -> BytePairEncoder {
        var model = ModelReader(source: source)
        try reader.readObject { reader, key in
            switch String(decoding: key, as: UTF8.self) {
            case "type": model.type = try reader.readValue().string
            case "vocab" where reader.peek() == UInt8(ascii: "{"): try model.readVocabulary(&reader)
            case "merges" where model.vocabulary != nil: try model.readMerges(&reader)
            case "merges":
                model.postponedMerges = reader
                try reader.skipValue()
            case "vocab": try reader.skipValue()
            case let key: model.options[key] = try reader.readValue()
            }
        }
        return try model.encoder()
    }

    private mutating func readVocabulary(_ reader: inout JSONReader) throws {
        var vocabulary = Vocabulary(expectedCount: 1 << 17)
        try reader.readObject { reader, piece in
            guard let id = Self.readID(&reader) else {
                throw error(
                    "the id of the piece \(String(decoding: piece, as: UTF8.self).debugDescription) "
                        + "is no integer from 0 to \(Vocabulary.largestID); write one")
            }
            vocabulary.insert(piece, id: id)
        }
        self.vocabulary = vocabulary
    }

    private static func readID(_ reader: inout JSONReader) -> Int32? {
        guard let id = try? reader.readNumber().int, (0...Int(Vocabulary.largestID)).contains(id) else { return nil }
        return Int32(id)
    }

    private mutating func readMerges(_ reader: inout JSONReader) throws {
        guard let vocabulary else { return }
        var merges = MergeTable(expectedCount: 1 << 17)
        var rank: UInt32 = 0
        var parts: [[UInt8]] = []
        try reader.readArray { reader in
            parts.removeAll(keepingCapacity: true)
            if reader.peek() == UInt8(ascii: "[") {
                try reader.readArray { parts.append(try $0.readString { Array($0) }) }
            } else {
                try reader.readString {
                    parts += $0.split(separator: 0x20, omittingEmptySubsequences: false).map(Array.init)
                }
            }
            guard parts.count == 2 else { throw error("merge \(rank) does not consist of two pieces; write it as two") }
            func id(_ piece: [UInt8]) throws -> Int32 {
                guard let id = piece.withUnsafeBufferPointer({ vocabulary.id(of: $0) }) else {
                    let name = String(decoding: piece, as: UTF8.self).debugDescription
                    throw error("merge \(rank) needs the piece \(name), which the vocabulary lacks; add it")
                }
                return id
            }
            merges.insert(try id(parts[0]), try id(parts[1]), rank: rank, id: try id(parts[0] + parts[1]))
            rank += 1
        }
        self.merges = merges
    }

    private mutating func encoder() throws -> BytePairEncoder {
        if let type, type != "BPE" {
            throw error("the model \(type.debugDescription) is not supported; use a tokenizer whose model is BPE")
        }
        if var reader = postponedMerges { try readMerges(&reader) }
        guard let vocabulary else {
            throw error("the model has no \"vocab\" object; use a tokenizer whose model is BPE")
        }
        guard let merges else { throw error("the model has no \"merges\" list; use a tokenizer whose model is BPE") }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            guard options[key]?.string ?? "" == "" else {
                throw error("the model's \"\(key)\" is not supported; use a tokenizer without it")
            }
        }
        guard options["dropout"]?.double ?? 0 == 0 else {
            throw error("the model drops merges at random (\"dropout\"), which is for training; set it to null")
        }
        var unknownID: Int32?
        if let unknown = options["unk_token"]?.string {
            unknownID = vocabulary.id(of: unknown)
            guard unknownID != nil else {
                throw error("the vocabulary lacks the unknown token \(unknown.debugDescription); add it")
            }
        }
        let fallsBackToBytes = options["byte_fallback"]?.bool ?? false
        let ignoresMerges = options["ignore_merges"]?.bool ?? false
        return BytePairEncoder(
            vocabulary: vocabulary, merges: merges, ignoresMerges: ignoresMerges, unknownID: unknownID,
            fusesUnknown: options["fuse_unk"]?.bool ?? false,
            byteIDs: fallsBackToBytes ? Self.byteIDs(in: vocabulary) : nil,
            boundaries: WordBoundaries(isActive: vocabulary.id(of: "▁") != nil) { body in
                merges.forEachMergedID { _ = vocabulary.withPiece($0, body) }
            })
    }

    private static func byteIDs(in vocabulary: Vocabulary) -> [Int32] {
        (0..<256).map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return vocabulary.id(of: "<0x\(digits.count < 2 ? "0" : "")\(digits)>") ?? -1
        }
    }
}
