import Foundation
import JSON

extension SafetensorsFile {
    /// A tensor to be written, whose bytes are made piece by piece when their turn comes: a file of any size takes no memory beyond that
    /// of a piece.
    public struct Source {
        let name: String
        let elementType: ElementType
        let shape: [Int]
        /// Some of the elements, counted in row-major order.
        let elements: (Range<Int>) -> Tensor

        /// A tensor, written in the type given where it is of floating point, or as it is.
        public init(_ name: String, _ tensor: Tensor, as type: ElementType? = nil) {
            let type = tensor.elementType.isFloatingPoint ? type ?? tensor.elementType : tensor.elementType
            let flat = tensor.reshaped([tensor.count])
            self.init(name: name, elementType: type, shape: tensor.shape) { range in
                let piece = flat.rows(range)
                return piece.elementType.isFloatingPoint ? piece.converted(to: type) : piece
            }
        }

        /// A weight with all its digits, which are put together when they are written: until then it must not be moved.
        public init(_ name: String, masterOf parameter: Parameter, as type: ElementType = .float32) {
            let elements = parameter.masterElements
            self.init(name: name, elementType: type, shape: parameter.value.shape) {
                elements($0).converted(to: type)
            }
        }

        /// A tensor of elements that are asked for in order, each once, never more than ``pieceCount`` at a time, and let go of when they
        /// are written.
        package init(
            name: String, elementType: ElementType, shape: [Int], elements: @escaping (Range<Int>) -> Tensor
        ) {
            self.name = name
            self.elementType = elementType
            self.shape = shape
            self.elements = elements
        }

        fileprivate var count: Int { shape.reduce(1, *) }
        fileprivate var byteCount: Int { count * elementType.byteCount }
    }

    /// Elements that are made at once.
    package static let pieceCount = 1 << 20

    /// Writes tensors in the given order. The file appears under its name only when it is complete and on disk.
    /// Throws `TensorFileError`.
    public static func write(
        _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:], to url: URL
    ) throws {
        try write(sources: tensors.map { Source($0.name, $0.tensor) }, metadata: metadata, to: url)
    }

    /// The same of tensors that are made while they are written.
    public static func write(sources: [Source], metadata: [String: String] = [:], to url: URL) throws {
        var header = JSONObject()
        if !metadata.isEmpty {
            header["__metadata__"] = .object(
                JSONObject(metadata.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.string($0.value)) }))
        }
        // Widest elements first: every tensor then starts at a multiple of its element's size.
        let ordered = sources.enumerated().sorted {
            let (a, b) = ($0.element.elementType.byteCount, $1.element.elementType.byteCount)
            return a != b ? a > b : $0.offset < $1.offset
        }.map(\.element)
        var offset = 0
        for source in ordered {
            header[source.name] = .object(
                JSONObject([
                    ("dtype", .string(source.elementType.rawValue)),
                    ("shape", .array(source.shape.map { .integer($0) })),
                    ("data_offsets", .array([.integer(offset), .integer(offset + source.byteCount)])),
                ]))
            offset += source.byteCount
        }
        var text = Array(JSONValue.object(header).serialized().utf8)
        while text.count % 8 != 0 { text.append(UInt8(ascii: " ")) }
        try AtomicFile.write(to: url) { file in
            try withUnsafeBytes(of: UInt64(text.count).littleEndian) { try file.write($0) }
            try text.withUnsafeBytes { try file.write($0) }
            for source in ordered {
                for begin in stride(from: 0, to: source.count, by: pieceCount) {
                    let piece = source.elements(begin..<min(source.count, begin + pieceCount))
                    try Kernels.write(piece, to: file)
                }
            }
        }
    }
}

/// A file that appears under its name only when it is complete and on disk.
public struct AtomicFile {
    private let descriptor: Int32
    private let path: String

    /// Creates a file beside `url`, lets `body` write it, makes it durable and renames it. On an error nothing is left behind.
    public static func write(to url: URL, _ body: (AtomicFile) throws -> Void) throws {
        try checkWritable(url)
        try naming { try Disk.write(to: url) { try body(AtomicFile(descriptor: $0, path: url.path)) } }
    }

    private static func naming(_ body: () throws -> Void) throws {
        do { try body() } catch let error as Disk.Failure { throw TensorFileError(error.description) }
    }

    /// Throws if a file cannot be written there: worth asking before hours of work whose result goes there.
    public static func checkWritable(_ url: URL) throws {
        func fail(_ reason: String) -> TensorFileError { TensorFileError("\(url.path): cannot write: \(reason)") }
        let folder = url.deletingLastPathComponent().path
        var status = stat()
        guard stat(folder, &status) == 0 else { throw fail("the folder \(folder) does not exist; create it first") }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw fail("\(folder) is no folder") }
        guard access(folder, W_OK) == 0 else { throw fail("\(folder): \(String(cString: strerror(errno)))") }
        guard stat(url.path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT != S_IFDIR else { throw fail("it is a folder; name a file in it") }
        // The new file takes the old one's place: for a device or a pipe that would do harm.
        guard status.st_mode & S_IFMT == S_IFREG else { throw fail("it is no regular file") }
    }

    /// Appends bytes.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        try AtomicFile.naming { try Disk.write(bytes, descriptor, path) }
    }

    /// Writes bytes.
    public static func write(_ data: Data, to url: URL) throws {
        try write(to: url) { file in try data.withUnsafeBytes { try file.write($0) } }
    }

    /// Writes text as UTF-8.
    public static func write(_ text: String, to url: URL) throws {
        try write(to: url) { file in try Array(text.utf8).withUnsafeBytes { try file.write($0) } }
    }
}
