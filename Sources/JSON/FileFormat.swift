import Foundation
import protocol Foundation.ContiguousBytes

/// What a file really is where it is not what a reader wants, judged by its first bytes: a pointer that git-LFS left, a web page
/// saved as weights, a pickle, Parquet.
///
/// Every reader asks this before it complains of broken contents, so that the error names what was given.
public struct FileFormat: Sendable, Equatable {
    /// What it is, such as `a Parquet file`.
    public let name: String
    /// What to do about it.
    public let advice: String

    /// What a reader can read.
    public enum Wanted: String, Sendable {
        case safetensors, json = "JSON", yaml = "YAML", gguf = "GGUF", text
    }

    /// One clause for an error: what the file is, that something else is wanted, what to do. Nil where the bytes look like what is
    /// wanted, or like nothing known.
    ///
    /// - Parameter bytes: the file, or at least its first 4096 bytes.
    public static func complaint(of bytes: UnsafeRawBufferPointer, wanted: Wanted) -> String? {
        guard let found = FileFormat(of: bytes, wanted: wanted) else { return nil }
        let need = wanted == .text ? "UTF-8 text" : wanted.rawValue
        return "\(found.name), where \(need) is needed; \(found.advice)"
    }

    /// The same for bytes in an array or in `Data`.
    public static func complaint(of bytes: some ContiguousBytes, wanted: Wanted) -> String? {
        bytes.withUnsafeBytes { complaint(of: $0, wanted: wanted) }
    }

    /// What a file is, such as `a GGUF file`; nil for text and for what is not known.
    public static func name(of bytes: some ContiguousBytes) -> String? {
        bytes.withUnsafeBytes { FileFormat(of: $0, wanted: .text)?.name }
    }

    /// The format of a file that a reader of `wanted` cannot read; nil where it may.
    init?(of bytes: UnsafeRawBufferPointer, wanted: Wanted) {
        guard !bytes.isEmpty else {
            self.init("an empty file", "download it again")
            return
        }
        if let binary = FileFormat(magic: bytes) {
            // The length of a safetensors header may look like any of these.
            if wanted == .safetensors && FileFormat.isSafetensors(bytes) { return nil }
            self = binary
            return
        }
        if FileFormat.isSafetensors(bytes) {
            guard wanted != .safetensors else { return nil }
            self.init("a safetensors file", "name the right file")
        } else if bytes.count >= 8 && bytes.prefix(4096).allSatisfy({ $0 == 0 }) {
            self.init("zeros only", "the download broke off; download it again")
        } else if let text = FileFormat(text: bytes, wanted: wanted) {
            self = text
        } else {
            return nil
        }
    }

    private init(_ name: String, _ advice: String) {
        self.name = name
        self.advice = advice
    }

    /// Whether eight bytes of a possible length are followed by the beginning of a JSON object.
    private static func isSafetensors(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count >= 10 && bytes[8] == UInt8(ascii: "{") && bytes[4..<8].allSatisfy { $0 == 0 }
    }
}

// MARK: - Formats with a mark

extension FileFormat {
    private static let again = "download it again"
    private static let unpack = "unpack it"
    private static let pickle =
        "convert it in Python: safetensors.torch.save_file(torch.load(FILE, weights_only=True), NEW)"

    /// Marks at the beginning of a file.
    private static let marks: [(mark: [UInt8], name: String, advice: String)] = [
        (Array("version https://git-lfs.github.com".utf8), "a git-LFS pointer", "fetch the file itself: git lfs pull"),
        (Array("/annex/objects/".utf8), "a git-annex pointer", "fetch the file itself: git annex get"),
        (Array("../.git/annex/objects/".utf8), "a git-annex pointer", "fetch the file itself: git annex get"),
        (
            Array("PAR1".utf8), "a Parquet file",
            "give it where texts, chats, activations or explanations are read, or convert it with pyarrow"
        ),
        (Array("PARE".utf8), "an encrypted Parquet file", "decrypt and convert it with pyarrow"),
        (Array("ARROW1".utf8), "an Arrow file", "convert it with pyarrow and safetensors.numpy.save_file"),
        (Array("FEA1".utf8), "a Feather file", "convert it with pyarrow and safetensors.numpy.save_file"),
        (Array("GGUF".utf8), "a GGUF file", "name it where a model is named"),
        (Array("ggml".utf8), "a GGML file", "take the model's safetensors version"),
        (Array("lmgg".utf8), "a GGML file", "take the model's safetensors version"),
        (Array("tjgg".utf8), "a GGML file", "take the model's safetensors version"),
        (
            [0x93] + Array("NUMPY".utf8), "a NumPy array (.npy)",
            "convert it in Python: safetensors.numpy.save_file({\"activations\": numpy.load(FILE)}, NEW)"
        ),
        (
            [0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19],
            "a PyTorch file (a pickle)", pickle
        ),
        (
            [0x89] + Array("HDF\r\n".utf8) + [0x1A, 0x0A], "an HDF5 file",
            "convert it to safetensors with h5py and safetensors.numpy"
        ),
        ([0x1F, 0x8B], "a gzip archive", unpack), ([0x28, 0xB5, 0x2F, 0xFD], "a zstd archive", unpack),
        ([0xFD] + Array("7zXZ".utf8), "an xz archive", unpack), (Array("BZh".utf8), "a bzip2 archive", unpack),
        ([0x37, 0x7A, 0xBC, 0xAF], "a 7z archive", unpack), ([0x04, 0x22, 0x4D, 0x18], "an lz4 archive", unpack),
        (Array("Rar!".utf8), "a rar archive", unpack),
        (Array("MATLAB 5.0".utf8), "a MATLAB file", "convert it with scipy.io and safetensors.numpy"),
        (Array("SQLite format 3".utf8), "an SQLite database", "name the right file"),
        (Array("%PDF".utf8), "a PDF", "name the right file"),
        ([0x89] + Array("PNG".utf8), "a picture (PNG)", "name the right file"),
        ([0xFF, 0xD8, 0xFF], "a picture (JPEG)", "name the right file"),
        ([0x7F] + Array("ELF".utf8), "a program", "name the right file"),
    ]

    private init?(magic bytes: UnsafeRawBufferPointer) {
        if let found = FileFormat.marks.first(where: { bytes.starts(with: $0.mark) }) {
            self.init(found.name, found.advice)
        } else if bytes.starts(with: Array("PK".utf8)) && bytes.count > 3 && [3, 5, 7].contains(bytes[2]) {
            self = FileFormat.zip(bytes)
        } else if bytes.count > 262 && bytes[257..<262].elementsEqual("ustar".utf8) {
            self.init("a tar archive", FileFormat.unpack)
        } else if bytes.count >= 3, bytes[0] == 0x80, (2...5).contains(bytes[1]), FileFormat.opcodes.contains(bytes[2])
        {
            self.init("a Python pickle", FileFormat.pickle)
        } else {
            return nil
        }
    }

    /// What a pickle begins with behind its protocol: a container, a text, a number, a global name, a frame.
    private static let opcodes = Set("}](cX)qKM".utf8).union([0x8A, 0x8C, 0x8E, 0x95])

    private static func zip(_ bytes: UnsafeRawBufferPointer) -> FileFormat {
        // The first entry's name follows a header of 30 bytes.
        let names = bytes.prefix(1024)
        func holds(_ word: String) -> Bool {
            let word = Array(word.utf8)
            return names.indices.dropLast(word.count - 1).contains { names[$0...].starts(with: word) }
        }
        if holds("data.pkl") || holds("byteorder") || holds(".format_version") {
            return FileFormat("a PyTorch file (a zip of pickles)", pickle)
        }
        if holds(".npy") {
            return FileFormat(
                "NumPy arrays (.npz)",
                "convert them in Python: safetensors.numpy.save_file(dict(numpy.load(FILE)), NEW)")
        }
        return FileFormat("a zip archive", unpack)
    }
}

// MARK: - Text

extension FileFormat {
    private init?(text bytes: UnsafeRawBufferPointer, wanted: Wanted) {
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            self.init("text in UTF-16", "save it as UTF-8")
            return
        }
        let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        // A character may be cut at the end of the part looked at.
        let head = String(decoding: bytes[start...].prefix(4096), as: UTF8.self)
        let trimmed = head.drop { $0.isWhitespace }
        let lowered = trimmed.prefix(64).lowercased()
        if ["<!doctype html", "<html", "<head", "<body", "<script"].contains(where: lowered.hasPrefix) {
            self.init("a web page (HTML)", "the server answered with a page instead of the file; \(FileFormat.again)")
        } else if lowered.hasPrefix("<?xml") || lowered.hasPrefix("<error") {
            self.init("an XML document", "the server answered with a message instead of the file; \(FileFormat.again)")
        } else if trimmed.isEmpty {
            self.init("a file of white space", FileFormat.again)
        } else if wanted == .safetensors {
            guard head.unicodeScalars.prefix(512).allSatisfy(FileFormat.isPrintable) else { return nil }
            if trimmed.first == "{", let message = (try? JSONValue.parse(String(head)))?.errorMessage {
                self.init("an error message in JSON (\(FileFormat.shown(message)))", FileFormat.again)
            } else if trimmed.first == "{" || trimmed.first == "[" {
                self.init("a JSON document", "name the right file")
            } else {
                self.init("text (\(FileFormat.shown(String(trimmed))))", FileFormat.again)
            }
        } else if wanted == .json, let first = trimmed.first, !"{[\"-0123456789tfnNI".contains(first),
            head.unicodeScalars.prefix(512).allSatisfy(FileFormat.isPrintable)
        {
            // "Entry not found" and other answers of servers that are no JSON.
            self.init("text (\(FileFormat.shown(String(trimmed))))", FileFormat.again)
        } else {
            return nil
        }
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control: "\n\r\t".unicodeScalars.contains(scalar)
        case .unassigned, .privateUse, .surrogate: false
        default: scalar != "\u{FFFD}"
        }
    }

    private static func shown(_ text: String) -> String {
        let line = text.prefix { !$0.isNewline }
        return "\"\(line.prefix(60))\(line.count > 60 ? "…" : "")\""
    }
}

extension JSONValue {
    /// The message of a server that answered with an error instead of a file, such as `{"error": "Repository not found"}`; nil where
    /// this is something else.
    public var errorMessage: String? {
        guard let object, object.count <= 6 else { return nil }
        for key in ["error", "message", "detail"] {
            if let text = object[key]?.string ?? object[key]?["message"]?.string { return text }
        }
        return nil
    }
}
