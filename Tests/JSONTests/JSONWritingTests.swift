import JSON
import Testing

/// The expected texts were written by Python's `json.dumps(value, ensure_ascii=False)`.
@Suite("Writing JSON")
struct JSONWritingTests {
    @Test("One line separates with a comma and a space, as Python does")
    func oneLine() throws {
        let text = #"{"b": [1, 2.0, -0.5], "a": {"é": null}, "c": [], "d": {}}"#
        #expect(try JSONValue.parse(text).serialized() == text)
    }

    @Test("Indented output breaks lines as Python does, but not in empty containers")
    func indented() throws {
        let value = try JSONValue.parse(#"{"b": [1, {"x": []}], "a": {}}"#)
        #expect(
            value.serialized(indent: 2)
                == "{\n  \"b\": [\n    1,\n    {\n      \"x\": []\n    }\n  ],\n  \"a\": {}\n}")
        #expect(JSONValue.array([1, [:]]).serialized(indent: 0) == "[\n1,\n{}\n]")
    }

    @Test("Keys are sorted by code point on request")
    func sortedKeys() {
        let value: JSONValue = ["b": 1, "é": 2, "a": 3, "Z": 4]
        #expect(value.serialized(sortedKeys: true) == #"{"Z": 4, "a": 3, "b": 1, "é": 2}"#)
    }

    @Test("Only quotes, backslashes and control characters are escaped")
    func escapes() {
        let value = JSONValue.string("\"\\/\u{8}\u{C}\n\r\t\u{1}\u{1F}\u{7F}é😀\u{2028}")
        #expect(value.serialized() == "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\u{7F}é😀\u{2028}\"")
    }

    @Test("ASCII output escapes everything else, in surrogate pairs where needed")
    func ascii() {
        let value = JSONValue.string("é😀\u{7F}")
        #expect(value.serialized(JSONFormat(escapesNonASCII: true)) == #""\u00e9\ud83d\ude00\u007f""#)
    }

    @Test(
        "Floating-point numbers are written as Python's repr writes them",
        arguments: [
            (1e16, "1e+16"), (1e15, "1000000000000000.0"), (9.5e15, "9500000000000000.0"),
            (-9.5e15, "-9500000000000000.0"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"), (1e-4, "0.0001"), (1e-5, "1e-05"), (0.1, "0.1"),
            (100, "100.0"), (1e22, "1e+22"), (-0.0, "-0.0"), (.infinity, "Infinity"), (-.infinity, "-Infinity"),
            (.nan, "NaN"),
        ])
    func numbers(value: Double, text: String) {
        #expect(JSONValue.number(value).serialized() == text)
    }
}
