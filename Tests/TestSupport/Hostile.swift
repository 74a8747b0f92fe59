import Foundation
import JSON
import Tensors

/// What comes from outside, changed so that it may make trouble: for fuzzers of text. Unlike `Damage`, which changes values, it writes JSON
/// that no `JSONValue` can say (halves of surrogate pairs, members that stand twice, levels beyond the parser's limit).
public enum Hostile {
    // MARK: Values

    /// What JSON can say and a `JSONValue` cannot. They stand in for it until the text is written.
    private static let raw: [(placeholder: String, json: String)] = [
        ("\u{F0000}lone surrogate", #""\ud800""#), ("\u{F0000}pair reversed", #""\udc00\ud800x""#),
        ("\u{F0000}null character", #""a\u0000b""#), ("\u{F0000}huge", "1e999999"), ("\u{F0000}tiny", "1e-999999"),
        ("\u{F0000}long integer", "123456789012345678901234567890"), ("\u{F0000}minus zero", "-0"),
        ("\u{F0000}half", "0.50000000000000000000000000000000000000001"),
        ("\u{F0000}twice", #"1,"text":"x","position":0,"token":"a","claims":[]"#),
        ("\u{F0000}deep", String(repeating: "[", count: 505) + String(repeating: "]", count: 505)),
        ("\u{F0000}deeper", String(repeating: "{\"a\":", count: 700) + "1" + String(repeating: "}", count: 700)),
    ]

    /// JSON text, with what no `JSONValue` can say.
    public static func text(_ value: JSONValue, indent: Int? = nil) -> [UInt8] {
        var text = value.serialized(indent: indent)
        if text.unicodeScalars.contains("\u{F0000}") {
            for (placeholder, json) in raw { text = text.replacingOccurrences(of: "\"\(placeholder)\"", with: json) }
        }
        return Array(text.utf8)
    }

    private static let numbers: [Double] = [
        0, -0.0, 1, -1, 0.5, 1.0000001, 2, 3e9, 1e18, 9.3e18, -9.3e18, 1e300, -1e300, 5e-324, 3.4e38, 3.5e38, .nan,
        .infinity, -.infinity,
        .greatestFiniteMagnitude,
    ]
    private static let integers = [
        0, -1, 1, 2, 7, 255, 256, 511, 512, 513, 4097, 16_385, 65_537, 1 << 20, 1 << 24, Int(Int32.max),
        Int(Int32.max) + 1, 3_000_000_000,
        Int(UInt32.max), 1 << 53, Int.max, Int.max - 1, Int.min, Int.min + 1,
    ]
    private static let words = [
        "", " ", "a", "model", "tiny", "user", "assistant", "content", "true", "latent", "story", "null", "0", "-1",
        "1e300", "7",
        "9223372036854775808", "\u{FEFF}", "\u{202E}", "e\u{301}", "京都", "😀", "<script>", "</explanation>",
        "<|im_end|>", "%00", "..",
        "{{ x }}", "' OR 1=1 --", "\u{FFFF}", "\r\n", "AAAA", "AACAfw==", "AADAfwAAgH8=", "2026-01-01T00:00:00Z",
    ]

    /// Anything.
    public static func value(_ random: inout Random) -> JSONValue {
        switch Int.random(in: 0..<16, using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2, 3, 4: return .integer(integers.randomElement(using: &random) ?? 0)
        case 5, 6, 7: return .number(numbers.randomElement(using: &random) ?? 0)
        case 8, 9, 10: return .string(words.randomElement(using: &random) ?? "")
        case 11: return .string(raw.randomElement(using: &random)?.placeholder ?? "")
        case 12: return long(&random)
        case 13:
            return [.array([]), .object([:]), [[]], [[:]], [.null], ["a": .null]].randomElement(using: &random) ?? .null
        case 14: return .array((0..<Int.random(in: 1...4, using: &random)).map { _ in value(&random) })
        default:
            let keys = ["text", "token", "position", "claims", "sentence", "confidence", "role", "content", "", "a"]
            return .object(
                JSONObject(
                    (0..<Int.random(in: 1...3, using: &random)).map { _ in
                        (keys.randomElement(using: &random) ?? "", value(&random))
                    }))
        }
    }

    /// Long texts and lists; very long ones seldom.
    private static func long(_ random: inout Random) -> JSONValue {
        let count = random.uniform() < 0.01 ? 10_000_000 : [65, 257, 10_001].randomElement(using: &random) ?? 65
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return .string(String(repeating: "a", count: count))
        case 1: return .string("a" + String(repeating: "\u{301}", count: count / 2))
        case 2: return .string(String(repeating: "京 ", count: count / 4))
        default: return .array(.init(repeating: .integer(0), count: min(count, 100_000)))
        }
    }

    // MARK: Changes of structure

    /// A value with so many places in it changed: replaced, taken away, doubled, or put elsewhere.
    public static func changed(_ value: JSONValue, times: Int = 1, _ random: inout Random) -> JSONValue {
        var value = value
        for _ in 0..<times {
            var place = Int.random(in: 0..<size(value), using: &random)
            value = changed(value, at: &place, &random)
        }
        return value
    }

    private static func size(_ value: JSONValue) -> Int {
        switch value {
        case .array(let list): 1 + list.reduce(0) { $0 + size($1) }
        case .object(let object): 1 + object.values.reduce(0) { $0 + size($1) }
        default: 1
        }
    }

    /// Changes the value that is `place` nodes behind this one, in depth-first order.
    private static func changed(_ value: JSONValue, at place: inout Int, _ random: inout Random) -> JSONValue {
        if place == 0 {
            place = -1
            return changedHere(value, &random)
        }
        place -= 1
        switch value {
        case .array(var list):
            for index in list.indices where place >= 0 { list[index] = changed(list[index], at: &place, &random) }
            return .array(list)
        case .object(let object):
            return .object(
                JSONObject(object.map { key, value in (key, place >= 0 ? changed(value, at: &place, &random) : value) })
            )
        default: return value
        }
    }

    private static func changedHere(_ value: JSONValue, _ random: inout Random) -> JSONValue {
        switch value {
        case .array(var list) where !list.isEmpty && random.uniform() < 0.7:
            let index = Int.random(in: 0..<list.count, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: list.remove(at: index)
            case 1: list.insert(list[index], at: index)
            case 2: list.swapAt(index, Int.random(in: 0..<list.count, using: &random))
            default: list[index] = Hostile.value(&random)
            }
            return .array(list)
        case .object(var object) where !object.isEmpty && random.uniform() < 0.7:
            let key = object.keys.randomElement(using: &random) ?? "",
                other = object.keys.randomElement(using: &random) ?? ""
            switch Int.random(in: 0..<4, using: &random) {
            case 0: object[key] = nil
            case 1: object[key] = object[other]
            case 2: object[key] = .string("\u{F0000}twice")
            default: object[key] = Hostile.value(&random)
            }
            return .object(object)
        case .integer(let number) where random.uniform() < 0.3:
            return .integer([number &+ 1, number &- 1, 0 &- number, number &* 1000].randomElement(using: &random) ?? 0)
        case .string(let text) where random.uniform() < 0.3:
            return .string(
                [text + text, String(text.dropFirst()), text.uppercased(), text + "\u{301}"].randomElement(
                    using: &random) ?? "")
        default: return Hostile.value(&random)
        }
    }

    // MARK: Changes of bytes

    private static let pieces = [
        "\"", "\\", "\\u", "\\ud800", "{", "}", "[", "]", ",", ":", "\n", "\r", "\0", "-", "e999", "NaN", "Infinity",
        "null", "\u{FEFF}", " ", "1",
    ].map { Array($0.utf8) }

    /// Bytes with some of them cut, doubled, inserted or replaced.
    public static func changed(_ bytes: [UInt8], _ random: inout Random) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            let end = min(bytes.count, place + Int.random(in: 1...16, using: &random))
            switch Int.random(in: 0..<7, using: &random) {
            case 0: bytes.removeSubrange(place...)
            case 1: bytes.removeSubrange(place..<end)
            case 2: bytes.insert(contentsOf: bytes[place..<end], at: place)
            case 3: bytes.insert(contentsOf: pieces.randomElement(using: &random) ?? [], at: place)
            case 4: bytes.replaceSubrange(place..<end, with: pieces.randomElement(using: &random) ?? [])
            case 5: bytes[place] = UInt8.random(in: 0...255, using: &random)
            default: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            }
        }
        return bytes
    }
}
