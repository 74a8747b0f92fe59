import JSON
import Testing

@Suite("Reading JSON")
struct JSONParsingTests {
    @Test("Every kind of value is read")
    func kinds() throws {
        let value = try JSONValue.parse(#" {"a": [1, -2.5, 1e3, true, false, null], "b": {"c": "d"}} "#)
        #expect(value["a"] == [1, -2.5, 1000.0, true, false, nil])
        #expect(value["b"]?["c"]?.string == "d")
        #expect(value["a"]?[2]?.int == 1000)
        #expect(value["a"]?[0]?.double == 1)
        #expect(value["a"]?[6] == nil)
        #expect(value["missing"] == nil)
    }

    @Test("Escapes are undone, and lone surrogates become U+FFFD")
    func escapes() throws {
        #expect(try JSONValue.parse(#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#).string == "\"\\/\u{8}\u{C}\n\r\té😀")
        #expect(try JSONValue.parse(#""a\ud83db\ude00c""#).string == "a\u{FFFD}b\u{FFFD}c")
        #expect(try JSONValue.parse(#""\ud83d\u0041""#).string == "\u{FFFD}A")
    }

    @Test("Integers keep 64 bits and larger ones become floating-point numbers")
    func integers() throws {
        #expect(try JSONValue.parse("9223372036854775807") == .integer(.max))
        #expect(try JSONValue.parse("-9223372036854775808") == .integer(.min))
        #expect(try JSONValue.parse("9223372036854775808") == .number(0x1p63))
        #expect(try JSONValue.parse("1e999") == .number(.infinity))
        #expect(try JSONValue.parse("0.5e400").int == nil)
    }

    @Test("NaN and the infinities are read as Python writes them")
    func notFinite() throws {
        #expect(try JSONValue.parse("[NaN]")[0]?.double?.isNaN == true)
        #expect(try JSONValue.parse("[Infinity, -Infinity]") == [.number(.infinity), .number(-.infinity)])
    }

    @Test("Of equal keys the last value wins and the first place stays")
    func duplicateKeys() throws {
        let object = try #require(try JSONValue.parse(#"{"a": 1, "b": 2, "a": 3}"#).object)
        #expect(object.keys == ["a", "b"])
        #expect(object["a"] == 3)
    }

    @Test("Canonically equivalent keys stay apart")
    func canonicalEquivalence() throws {
        let object = try #require(try JSONValue.parse(#"{"\u00e9": 1, "e\u0301": 2}"#).object)
        #expect(object.count == 2)
        #expect(object["\u{E9}"] == 1)
        #expect(object["e\u{301}"] == 2)
    }

    @Test("Large objects find their keys, also after one is removed")
    func largeObject() throws {
        let text = "{" + (0..<100).map { "\"key\($0)\": \($0)" }.joined(separator: ",") + "}"
        var object = try #require(try JSONValue.parse(text).object)
        object["key7"] = nil
        #expect(object["key7"] == nil)
        #expect(object["key99"] == 99)
        #expect(object.count == 99)
    }

    @Test("A truncated document is refused with its offset")
    func truncated() {
        #expect(throws: JSONError.self) { try JSONValue.parse("") }
        let error = #expect(throws: JSONError.self) { try JSONValue.parse("{\n  \"a\": tru") }
        #expect(error?.offset == 9)
        #expect(error?.line == 2)
        #expect(error?.column == 8)
    }

    @Test(
        "What is no JSON is refused",
        arguments: [
            "[1,]", "{\"a\" 1}", "{a: 1}", "[1] 2", "01", "1.", "1e", "-", "+1", "\"\\x\"", "\"a\nb\"", "\"\\u12g4\"",
            "nul",
            "[1 2]", "{\"a\": 1,}", "'a'", "\"\\",
        ])
    func malformed(text: String) {
        #expect(throws: JSONError.self) { try JSONValue.parse(text) }
    }

    @Test("Bytes that are not UTF-8 are refused in strings and keys")
    func invalidUTF8() {
        #expect(throws: JSONError.self) { try JSONValue.parse([0x22, 0xFF, 0x22]) }
        #expect(throws: JSONError.self) { try JSONValue.parse([0x7B, 0x22, 0xC3, 0x22, 0x3A, 0x31, 0x7D]) }
    }

    @Test("Nesting is allowed to the limit and refused beyond it")
    func depth() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try JSONValue.parse(nested(512))
        #expect(throws: JSONError.self) { try JSONValue.parse(nested(513)) }
        #expect(throws: JSONError.self) { try JSONValue.parse(String(repeating: "{\"a\":", count: 100_000)) }
    }
}
