import CPage
import Digests
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore

/// The page's files: those in the program, or, for people who work on the page, those of a folder.
struct PageFiles: Sendable {
    /// A file as it is sent.
    struct File: Sendable {
        let type: String
        let bytes: [UInt8]
        let tag: String

        init(type: String, bytes: [UInt8]) {
            self.type = type
            self.bytes = bytes
            tag = "\"" + Digest.of(bytes).hexadecimal + "\""
        }
    }

    private let folder: URL?

    /// All files in the program, by name.
    static let own: [String: File] = {
        var count = 0
        guard let files = page_files(&count) else { return [:] }
        return Dictionary(
            uniqueKeysWithValues: (0..<count).map { index in
                let file = files[index]
                let bytes = [UInt8](UnsafeBufferPointer(start: file.bytes, count: file.byte_count))
                return (String(cString: file.name), File(type: String(cString: file.type), bytes: bytes))
            })
    }()

    init(folder: URL?) { self.folder = folder }

    /// The answer to a request for a file. Only names that the program knows are answered, so no path leads elsewhere.
    func response(_ name: String, _ request: Request) throws -> Response {
        guard var file = PageFiles.own[name] else { throw ErrorReply(.notFound, "the page has no such file") }
        if let folder {
            let bytes = try? Data(contentsOf: folder.appending(path: name))
            file = File(type: file.type, bytes: bytes.map { [UInt8]($0) } ?? file.bytes)
        }
        var headers = PageFiles.headers
        headers[.contentType] = file.type
        headers[.eTag] = file.tag
        headers[.cacheControl] = "no-cache"
        headers[.contentSecurityPolicy] =
            "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; frame-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        if request.headers[.ifNoneMatch] == file.tag { return Response(status: .notModified, headers: headers) }
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: file.bytes)))
    }

    /// What every file and report is sent with.
    static var headers: HTTPFields {
        var headers = HTTPFields()
        headers[HTTPField.Name("X-Content-Type-Options")!] = "nosniff"
        headers[HTTPField.Name("Referrer-Policy")!] = "no-referrer"
        return headers
    }

    /// A report: somebody's HTML, with no rights of this page's. Its scripts may run, but in an origin of their own.
    static func report(_ html: Data) -> Response {
        var headers = headers
        headers[.contentType] = "text/html; charset=utf-8"
        headers[.cacheControl] = "no-cache"
        headers[.contentSecurityPolicy] =
            "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: html)))
    }
}
