import Foundation

/// A connection whose bytes a test writes and reads itself, as no well-behaved client would.
public final class RawConnection: Sendable {
    private let descriptor: Int32

    /// The other side does not listen, or no longer.
    public struct Broken: Error {}

    /// Connects to a port of this machine.
    public init(port: Int) throws {
        #if canImport(Glibc)
            let kind = Int32(SOCK_STREAM.rawValue)
        #else
            let kind = SOCK_STREAM
        #endif
        descriptor = socket(AF_INET, kind, 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let status = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw Broken() }
    }

    deinit { close(descriptor) }

    /// A request with a body, ready to be sent.
    public static func request(_ path: String, _ body: String, length: Int? = nil, headers: String = "") -> String {
        "POST \(path) HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\(headers)"
            + "content-length: \(length ?? body.utf8.count)\r\n\r\n\(body)"
    }

    /// Writes; gives up when the other side has closed.
    public func send(_ text: String) async throws {
        let bytes = Array(text.utf8)
        try await offPool { [self] in
            var sent = 0
            while sent < bytes.count {
                let count = bytes[sent...].withUnsafeBytes {
                    Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { throw Broken() }
                sent += count
            }
        }
    }

    /// What arrives until `text` has, or until the other side closes.
    public func receive(until text: String? = nil) async throws -> (text: String, isClosed: Bool) {
        try await receive(until: text, seconds: Patience.seconds)
    }

    /// What has arrived by now.
    public func received() async throws -> (text: String, isClosed: Bool) { try await receive(until: nil, seconds: 0) }

    private func receive(until text: String?, seconds: Double) async throws -> (text: String, isClosed: Bool) {
        try await offPool { [self] in
            var received: [UInt8] = []
            let deadline = Date().addingTimeInterval(seconds)
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            while true {
                var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                guard poll(&wanted, 1, seconds > 0 ? 50 : 0) > 0 else {
                    if Date() < deadline { continue } else { break }
                }
                let count = recv(descriptor, &buffer, buffer.count, 0)
                if count <= 0 { return (String(decoding: received, as: UTF8.self), true) }
                received += buffer[..<count]
                let all = String(decoding: received, as: UTF8.self)
                if let text, all.contains(text) { return (all, false) }
            }
            return (String(decoding: received, as: UTF8.self), false)
        }
    }

    /// Says that nothing more will be sent.
    public func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }
}

/// Runs what blocks on a thread of its own: the server under test needs the cooperative pool's.
public func offPool<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Swift.Result { try body() }) }
    }
}
