#if canImport(CryptoKit)
    import CryptoKit
#else
    import COpenSSL
#endif

/// A hash in the making: bytes go in piece by piece, and the digest comes out.
///
///     var hash = Digest(.sha256)
///     hash.update(Array("abc".utf8))
///     hash.finalize().hexadecimal  // "ba7816bf…"
///
/// The system's library computes it: OpenSSL's libcrypto, or CryptoKit on Apple's systems.
package struct Digest: ~Copyable {
    /// Which hash.
    package enum Algorithm: Sendable {
        /// SHA-256 of FIPS 180-4: 32 bytes.
        case sha256
        /// SHA-1 of FIPS 180-4: 20 bytes. Git's names are made of it; it protects nothing.
        case sha1
    }

    #if canImport(CryptoKit)
        private var sha256: CryptoKit.SHA256?
        private var sha1: CryptoKit.Insecure.SHA1?

        /// A hash of nothing yet.
        package init(_ algorithm: Algorithm) {
            switch algorithm {
            case .sha256: sha256 = CryptoKit.SHA256()
            case .sha1: sha1 = CryptoKit.Insecure.SHA1()
            }
        }

        /// Takes bytes in.
        package mutating func update(_ bytes: UnsafeRawBufferPointer) {
            sha256?.update(bufferPointer: bytes)
            sha1?.update(bufferPointer: bytes)
        }

        /// The digest of all bytes that were taken in. Nothing can be taken in afterwards.
        package mutating func finalize() -> [UInt8] {
            sha256.map { Array($0.finalize()) } ?? sha1.map { Array($0.finalize()) } ?? []
        }
    #else
        private let context: OpaquePointer

        /// A hash of nothing yet.
        package init(_ algorithm: Algorithm) {
            let type =
                switch algorithm {
                case .sha256: EVP_sha256()
                case .sha1: EVP_sha1()
                }
            guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, type, nil) == 1 else {
                fatalError("libcrypto offers no \(algorithm)")
            }
            self.context = context
        }

        deinit { EVP_MD_CTX_free(context) }

        /// Takes bytes in.
        package mutating func update(_ bytes: UnsafeRawBufferPointer) {
            guard EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1 else {
                fatalError("libcrypto took no bytes in")
            }
        }

        /// The digest of all bytes that were taken in. Nothing can be taken in afterwards.
        package mutating func finalize() -> [UInt8] {
            [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { buffer, initialized in
                var count: UInt32 = 0
                guard EVP_DigestFinal_ex(context, buffer.baseAddress, &count) == 1 else {
                    fatalError("libcrypto gave no digest")
                }
                initialized = Int(count)
            }
        }
    #endif

    /// Takes bytes in.
    package mutating func update(_ bytes: some Sequence<UInt8>) {
        if bytes.withContiguousStorageIfAvailable({ update(UnsafeRawBufferPointer($0)) }) == nil {
            Array(bytes).withUnsafeBytes { update($0) }
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
