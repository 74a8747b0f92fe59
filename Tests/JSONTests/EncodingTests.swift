import JSON
import Testing

@Suite("Values that encode themselves")
struct EncodingTests {
    private struct Inner: Codable {
        var zebra = [1, 2], apple: Double? = nil
        @Nullable var left: Int? = nil
    }

    private struct Outer: Codable {
        var name = "a", size: UInt64 = 3, isKept = true, share: Float = 0.5, inner = Inner(), none: [Inner] = []

        func encode(to encoder: any Encoder) throws {
            // In two parts, which come together.
            try Inner().encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(share, forKey: .share)
            try container.encode(name, forKey: .name)
            try container.encode(inner, forKey: .inner)
            try container.encode(none, forKey: .none)
            try container.encode(isKept, forKey: .isKept)
            try container.encode(size, forKey: .size)
        }
    }

    @Test("A whole number that no 64-bit integer holds is refused, not another one")
    func integers() throws {
        #expect(try JSONValue(encoding: [UInt64(Int.max)]) == [.integer(Int.max)])
        #expect(throws: EncodingError.self) { try JSONValue(encoding: [UInt64.max]) }
    }

    @Test("Keys keep the order in which they are encoded; what is nil is left out, or null where it is asked for")
    func order() throws {
        #expect(
            try JSONValue(encoding: Outer()).serialized()
                == #"{"zebra": [1, 2], "left": null, "share": 0.5, "name": "a", "inner": {"zebra": [1, 2], "left": null}, "none": [], "isKept": true, "size": 3}"#
        )
        #expect(try JSONValue(encoding: Double.nan).serialized() == "NaN")
    }
}
