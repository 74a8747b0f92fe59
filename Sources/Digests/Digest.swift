#if canImport(CryptoKit)
    import CryptoKit
#else
    import COpenSSL
#endif

/// A hash in the making: bytes go in piece by piece, and the digest comes out.
///
///     var hash = Digest(.sha256)
///     hash.update("abc".utf8)
///     hash.finalize().hexadecimal  // "ba7816bf…"
///
/// The system's library computes it: OpenSSL's libcrypto, or CryptoKit on Apple's systems.
package struct Digest: Sendable {
    /// Which hash.
    package enum Algorithm: Sendable {
        /// SHA-256 of FIPS 180-4: 32 bytes.
        case sha256
        /// SHA-1 of FIPS 180-4: 20 bytes. Git's names are made of it; it protects nothing.
        case sha1
    }

    #if canImport(CryptoKit)
        private enum Context {
            case sha256(CryptoKit.SHA256)
            case sha1(CryptoKit.Insecure.SHA1)
        }
    #else
        private enum Context {
            case sha256(SHA256_CTX)
            case sha1(SHA_CTX)
        }
    #endif
    private var context: Context

    /// A hash of nothing yet.
    package init(_ algorithm: Algorithm) {
        #if canImport(CryptoKit)
            switch algorithm {
            case .sha256: context = .sha256(CryptoKit.SHA256())
            case .sha1: context = .sha1(CryptoKit.Insecure.SHA1())
            }
        #else
            switch algorithm {
            case .sha256:
                var state = SHA256_CTX()
                SHA256_Init(&state)
                context = .sha256(state)
            case .sha1:
                var state = SHA_CTX()
                SHA1_Init(&state)
                context = .sha1(state)
            }
        #endif
    }

    /// Takes bytes in.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        switch context {
        case .sha256(var state):
            #if canImport(CryptoKit)
                state.update(bufferPointer: bytes)
            #else
                SHA256_Update(&state, bytes.baseAddress, bytes.count)
            #endif
            context = .sha256(state)
        case .sha1(var state):
            #if canImport(CryptoKit)
                state.update(bufferPointer: bytes)
            #else
                SHA1_Update(&state, bytes.baseAddress, bytes.count)
            #endif
            context = .sha1(state)
        }
    }

    /// Takes bytes in.
    package mutating func update(_ bytes: some Sequence<UInt8>) {
        if bytes.withContiguousStorageIfAvailable({ update(UnsafeRawBufferPointer($0)) }) == nil {
            Array(bytes).withUnsafeBytes { update($0) }
        }
    }

    /// The digest of all bytes that were taken in.
    package func finalize() -> [UInt8] {
        switch context {
        case .sha256(var state):
            #if canImport(CryptoKit)
                return Array(state.finalize())
            #else
                return [UInt8](unsafeUninitializedCapacity: Int(SHA256_DIGEST_LENGTH)) { buffer, count in
                    SHA256_Final(buffer.baseAddress, &state)
                    count = Int(SHA256_DIGEST_LENGTH)
                }
            #endif
        case .sha1(var state):
            #if canImport(CryptoKit)
                return Array(state.finalize())
            #else
                return [UInt8](unsafeUninitializedCapacity: Int(SHA_DIGEST_LENGTH)) { buffer, count in
                    SHA1_Final(buffer.baseAddress, &state)
                    count = Int(SHA_DIGEST_LENGTH)
                }
            #endif
        }
    }

    /// The digest of some bytes.
    package static func of(_ bytes: some Sequence<UInt8>, _ algorithm: Algorithm = .sha256) -> [UInt8] {
        var hash = Digest(algorithm)
        hash.update(bytes)
        return hash.finalize()
    }
}

extension Sequence<UInt8> {
    /// Two small hexadecimal digits for each byte.
    package var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
