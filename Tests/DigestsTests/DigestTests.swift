import Digests
import Testing

@Suite("Digests")
struct DigestTests {
    /// From the examples of FIPS 180-4, and of a million letters.
    static let sha256: [(text: String, digest: String)] = [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            String(repeating: "a", count: 1_000_000),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        ),
    ]

    @Test("SHA-256 is that of the standard's examples", arguments: sha256.indices)
    func standard(_ index: Int) {
        let (text, digest) = Self.sha256[index]
        #expect(Digest.of(text.utf8).hexadecimal == digest)
    }

    @Test("SHA-1 is that of the standard's examples, and names git's empty blob")
    func sha1() {
        #expect(Digest.of("abc".utf8, .sha1).hexadecimal == "a9993e364706816aba3e25717850c26c9cd0d89d")
        #expect(Digest.of("blob 0\0".utf8, .sha1).hexadecimal == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")
    }

    @Test("Pieces of any size make the digest of the whole", arguments: [1, 7, 63, 64, 65, 1000])
    func pieces(_ size: Int) {
        let bytes = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var hash = Digest(.sha256)
        for start in stride(from: 0, to: bytes.count, by: size) {
            hash.update(bytes[start..<min(bytes.count, start + size)])
        }
        let inPieces = hash.finalize()
        #expect(inPieces == Digest.of(bytes) && inPieces.count == 32)
        // Also bytes that do not lie side by side.
        #expect(Digest.of(bytes.lazy.map { $0 }) == inPieces)
    }

    @Test("Digits are small and two for each byte")
    func digits() { #expect([0, 9, 10, 255].hexadecimal == "00090aff") }
}
