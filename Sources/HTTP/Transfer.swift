import CCurl
import Foundation
import Synchronization

/// The bytes of a body so far.
final class Collected: Sendable {
    private let state = Mutex<[UInt8]>([])
    var count: Int { state.withLock { $0.count } }
    var bytes: [UInt8] { state.withLock { $0 } }
    func append(_ bytes: UnsafeRawBufferPointer) { state.withLock { $0.append(contentsOf: bytes) } }
}

/// One request and its answer, as libcurl's handle.
///
/// Made by who asks and from then on used by the client's thread alone, except for ``isCancelled``.
final class Transfer: @unchecked Sendable {
    let isCancelled = Atomic(false)
    let handle: UnsafeMutableRawPointer
    let readTimeout: Duration?
    var continuation: CheckedContinuation<HTTPHead, any Error>?
    /// When the server last said something, or could first have; nil while there is no connection.
    var lastSign: ContinuousClock.Instant?

    private let onHead: @Sendable (HTTPHead) throws -> Void
    private let onBody: @Sendable (UnsafeRawBufferPointer) throws -> Void
    private var fields: UnsafeMutablePointer<curl_slist>?
    private let words: UnsafeMutablePointer<CChar>
    private let body: [UInt8]
    private var sent = 0
    private var lines: [String] = []
    private var head: HTTPHead?
    private var error: (any Error)?

    /// - Throws: ``HTTPFailure`` for what cannot be sent.
    init(
        _ request: HTTPRequest, _ settings: HTTPClient.Settings,
        onHead: @escaping @Sendable (HTTPHead) throws -> Void,
        onBody: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let scheme = request.address.prefix { $0 != ":" }.lowercased()
        guard scheme == "http" || scheme == "https" else {
            throw HTTPFailure.other("no address that begins with http:// or https://")
        }
        guard !request.headers.contains(where: { !Self.isSendable($0.name, $0.value) }) else {
            throw HTTPFailure.other("a header holds a control character")
        }
        guard HTTPClient.isAvailable, let handle = ccurl_new() else { throw HTTPFailure.other(HTTPClient.absence) }
        self.handle = handle
        self.onHead = onHead
        self.onBody = onBody
        readTimeout = settings.readTimeout
        body = request.body ?? []
        words = .allocate(capacity: Int(CURL_ERROR_SIZE))
        words.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        set(request)
        set(settings)
    }

    deinit {
        ccurl_free(handle)
        ccurl_list_free(fields)
        words.deallocate()
    }

    private static func isSendable(_ name: String, _ value: String) -> Bool {
        !name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }
            && value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
    }

    // MARK: Options

    private func set(_ request: HTTPRequest) {
        let owner = Unmanaged.passUnretained(self).toOpaque()
        text(CURLOPT_URL, request.address)
        number(CURLOPT_PATH_AS_IS, 1)
        number(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1)
        switch request.method {
        case "GET" where request.body == nil: number(CURLOPT_HTTPGET, 1)
        case "HEAD": number(CURLOPT_NOBODY, 1)
        default:
            let mayHaveBody = request.body != nil || request.method == "POST" || request.method == "PUT"
            if mayHaveBody {
                // The body comes from a function that cannot go back, so that libcurl never sends it a second time.
                number(CURLOPT_POST, 1)
                _ = ccurl_set_size(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))
                _ = ccurl_set_function(handle, CURLOPT_READFUNCTION) { bytes, size, count, owner in
                    Transfer.owner(owner).give(UnsafeMutableRawBufferPointer(start: bytes, count: size * count))
                }
                _ = ccurl_set_pointer(handle, CURLOPT_READDATA, owner)
            }
            text(CURLOPT_CUSTOMREQUEST, request.method)
        }
        _ = ccurl_set_function(handle, CURLOPT_HEADERFUNCTION) { bytes, size, count, owner in
            Transfer.owner(owner).takeLine(UnsafeRawBufferPointer(start: bytes, count: size * count))
        }
        _ = ccurl_set_pointer(handle, CURLOPT_HEADERDATA, owner)
        _ = ccurl_set_function(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, owner in
            Transfer.owner(owner).takeBody(UnsafeRawBufferPointer(start: bytes, count: size * count))
        }
        _ = ccurl_set_pointer(handle, CURLOPT_WRITEDATA, owner)
        number(CURLOPT_BUFFERSIZE, 128 << 10)
        // libcurl's own headers are sent only where somebody asks for them.
        let given = Set(request.headers.map { $0.name.lowercased() })
        for name in ["Accept", "Content-Type", "Expect"] where !given.contains(name.lowercased()) { field(name + ":") }
        for header in request.headers {
            field(header.value.isEmpty ? header.name + ";" : "\(header.name): \(header.value)")
        }
        _ = ccurl_set_pointer(handle, CURLOPT_HTTPHEADER, fields)
    }

    private func set(_ settings: HTTPClient.Settings) {
        _ = ccurl_set_pointer(handle, CURLOPT_ERRORBUFFER, words)
        number(CURLOPT_NOSIGNAL, 1)
        number(CURLOPT_CONNECTTIMEOUT_MS, max(1, Int(settings.connectTimeout / .milliseconds(1))))
        number(CURLOPT_MAXAGE_CONN, max(1, Int(settings.idleTimeout / .seconds(1))))
        number(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        // An empty text is not nil: libcurl would look into the environment.
        text(CURLOPT_NOPROXY, "")
        guard let proxy = settings.proxy else { return text(CURLOPT_PROXY, "") }
        text(CURLOPT_PROXY, proxy.host.contains(":") && !proxy.host.hasPrefix("[") ? "[\(proxy.host)]" : proxy.host)
        number(CURLOPT_PROXYPORT, proxy.port)
        number(CURLOPT_PROXYTYPE, Int((proxy.isSOCKS ? CURLPROXY_SOCKS5_HOSTNAME : CURLPROXY_HTTP).rawValue))
        number(CURLOPT_HTTPPROXYTUNNEL, proxy.isSOCKS ? 0 : 1)
        guard let user = proxy.user else { return }
        number(CURLOPT_PROXYAUTH, 1)
        text(CURLOPT_PROXYUSERNAME, user)
        text(CURLOPT_PROXYPASSWORD, proxy.password ?? "")
    }

    private func number(_ option: CURLoption, _ value: Int) { _ = ccurl_set_number(handle, option, value) }
    private func text(_ option: CURLoption, _ value: String) { _ = ccurl_set_text(handle, option, value) }
    private func field(_ line: String) { fields = ccurl_list_append(fields, line) }

    // MARK: What libcurl calls

    private static func owner(_ pointer: UnsafeMutableRawPointer?) -> Transfer {
        Unmanaged<Transfer>.fromOpaque(pointer!).takeUnretainedValue()
    }

    private func give(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, body.count - sent)
        body[sent..<sent + count].withUnsafeBytes { buffer.copyMemory(from: $0) }
        sent += count
        lastSign = .now
        return count
    }

    /// Takes a line of the head; the empty one ends it. Another number than that of the bytes breaks the transfer off.
    private func takeLine(_ bytes: UnsafeRawBufferPointer) -> Int {
        lastSign = .now
        // What follows the body is no head.
        if head != nil { return bytes.count }
        var line = Substring(decoding: bytes, as: UTF8.self)
        while let last = line.unicodeScalars.last, last == "\r" || last == "\n" { line.unicodeScalars.removeLast() }
        guard line.isEmpty else {
            if line.hasPrefix("HTTP/") { lines = [] }
            lines.append(String(line))
            return bytes.count
        }
        guard let head = HTTPHead(lines) else {
            error = HTTPFailure.notHTTP
            return 0
        }
        // "Continue" and its like come before the answer.
        if (100..<200).contains(head.status) { return bytes.count }
        self.head = head
        return pass(bytes.count) { try onHead(head) }
    }

    private func takeBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        lastSign = .now
        return pass(bytes.count) { try onBody(bytes) }
    }

    private func pass(_ count: Int, _ body: () throws -> Void) -> Int {
        do {
            try body()
            return count
        } catch {
            self.error = error
            return count + 1
        }
    }

    // MARK: The end

    /// When the server will have been silent for too long; nil where it may be.
    func silenceDeadline(_ now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        guard let readTimeout else { return nil }
        if lastSign == nil, ccurl_size(handle, CURLINFO_PRETRANSFER_TIME_T) > 0 { lastSign = now }
        return lastSign.map { $0 + readTimeout }
    }

    /// Tells who asked how it ended.
    func end(_ result: Result<HTTPHead, any Error>) {
        continuation?.resume(with: result)
        continuation = nil
    }

    /// The same from libcurl's result.
    func end(_ code: CURLcode) {
        if let error { return end(.failure(error)) }
        guard code == CURLE_OK else { return end(.failure(failure(code))) }
        // The connection may also end in the middle of the head.
        guard let head else { return end(.failure(lines.isEmpty ? HTTPFailure.notHTTP : .cut)) }
        end(.success(head))
    }

    private func failure(_ code: CURLcode) -> HTTPFailure {
        let proxyStatus = ccurl_number(handle, CURLINFO_HTTP_CONNECTCODE)
        if proxyStatus >= 300 { return .other("the proxy answers with status \(proxyStatus)") }
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST: return .unreachable("no such host")
        case CURLE_COULDNT_RESOLVE_PROXY: return .unreachable("no such proxy")
        case CURLE_COULDNT_CONNECT:
            let number = ccurl_number(handle, CURLINFO_OS_ERRNO)
            return .unreachable(number == 0 ? "no connection" : String(cString: strerror(Int32(number))))
        case CURLE_OPERATION_TIMEDOUT: return .connectTimeout
        case CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE, CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_SEND_FAIL_REWIND:
            return .cut
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY: return .notHTTP
        default:
            let words = String(cString: words)
            return .other(words.isEmpty ? String(cString: ccurl_words(code)) : words)
        }
    }
}
