import Foundation
import JSON

extension SafetensorsFile {
    /// Writes tensors in the given order. The file appears under its name only when it is complete and on disk.
    /// Throws `TensorFileError`.
    public static func write(
        _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:], to url: URL
    ) throws {
        var header = JSONObject()
        if !metadata.isEmpty {
            header["__metadata__"] = .object(
                JSONObject(metadata.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.string($0.value)) }))
        }
        // Widest elements first: every tensor then starts at a multiple of its element's size.
        let ordered = tensors.enumerated().sorted {
            let (a, b) = ($0.element.tensor.elementType.byteCount, $1.element.tensor.elementType.byteCount)
            return a != b ? a > b : $0.offset < $1.offset
        }.map(\.element)
        var offset = 0
        for (name, tensor) in ordered {
            header[name] = .object(
                JSONObject([
                    ("dtype", .string(tensor.elementType.rawValue)),
                    ("shape", .array(tensor.shape.map { .integer($0) })),
                    ("data_offsets", .array([.integer(offset), .integer(offset + tensor.byteCount)])),
                ]))
            offset += tensor.byteCount
        }
        var text = Array(JSONValue.object(header).serialized().utf8)
        while text.count % 8 != 0 { text.append(UInt8(ascii: " ")) }
        try AtomicFile.write(to: url) { file in
            try withUnsafeBytes(of: UInt64(text.count).littleEndian) { try file.write($0) }
            try text.withUnsafeBytes { try file.write($0) }
            for (_, tensor) in ordered {
                try file.write(UnsafeRawBufferPointer(start: tensor.address, count: tensor.byteCount))
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
        let temporary = url.path + ".\(getpid())-\(UInt32.random(in: 0...UInt32.max)).partial"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_TRUNC, 0o644)
        guard descriptor >= 0 else {
            throw TensorFileError("\(url.path): cannot write: \(String(cString: strerror(errno)))")
        }
        do {
            try body(AtomicFile(descriptor: descriptor, path: url.path))
            guard fsync(descriptor) == 0 else {
                throw TensorFileError("\(url.path): cannot write: \(String(cString: strerror(errno)))")
            }
        } catch {
            close(descriptor)
            unlink(temporary)
            throw error
        }
        close(descriptor)
        guard rename(temporary, url.path) == 0 else {
            let reason = String(cString: strerror(errno))
            unlink(temporary)
            throw TensorFileError("\(url.path): cannot write: \(reason)")
        }
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
        guard var next = bytes.baseAddress else { return }
        var left = bytes.count
        while left > 0 {
            let written = Foundation.write(descriptor, next, min(left, 1 << 30))
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else {
                throw TensorFileError("\(path): cannot write: \(String(cString: strerror(errno)))")
            }
            next += written
            left -= written
        }
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
