import Foundation
import JSON
import Tensors

/// Damage done to files that readers must survive: numbers that no type holds, kinds that nobody expects, pieces that are missing.
///
/// Everything follows from the seed, so that a case that fails fails again.
public struct Damage {
    /// Where chance comes from.
    public var random: Random

    /// Damage of a seed and a case.
    public init(seed: UInt64, _ number: Int) { random = Random(seed: seed, UInt64(number)) }

    /// Cases to try: `usual`, or what the environment asks for.
    public static func cases(_ usual: Int) -> Int {
        ProcessInfo.processInfo.environment["INTERLINEAR_FUZZ_FILES"].flatMap(Int.init) ?? usual
    }

    /// Values that files of strangers have had, or might have.
    private static let values: [JSONValue] = [
        .null, .bool(true), .integer(0), .integer(1), .integer(-1), .integer(2), .integer(255), .integer(65536),
        .integer(3_000_000_000), .integer(-3_000_000_000), .integer(.max), .integer(.min), .integer(1 << 53),
        .number(0.5), .number(-0.0), .number(1e300), .number(-1e300), .number(.leastNonzeroMagnitude),
        .number(.greatestFiniteMagnitude),
        .number(.nan), .number(.infinity), .number(-.infinity), .string(""), .string("x"),
        .string("\u{0}\u{2028}é\u{301}"),
        .string(String(repeating: "long ", count: 300)), .array([]), .array([.null]),
        .array([.integer(7), .string("y")]),
        .object(JSONObject()), .object(JSONObject([("a", .integer(-5))])),
    ]

    /// A value in which a few places are others, are missing, or stand twice.
    public mutating func damaged(_ value: JSONValue) -> JSONValue {
        var result = value
        for _ in 0..<Int.random(in: 1...3, using: &random) { result = once(result, depth: 0) }
        return result
    }

    private mutating func once(_ value: JSONValue, depth: Int) -> JSONValue {
        let goesIn = depth == 0 || Int.random(in: 0..<4, using: &random) > 0
        switch value {
        case .array(var elements) where goesIn && !elements.isEmpty:
            let place = Int.random(in: 0..<elements.count, using: &random)
            switch Int.random(in: 0..<8, using: &random) {
            case 0: elements.remove(at: place)
            case 1: elements.insert(elements[place], at: place)
            default: elements[place] = once(elements[place], depth: depth + 1)
            }
            return .array(elements)
        case .object(let object) where goesIn && !object.keys.isEmpty:
            let place = Int.random(in: 0..<object.keys.count, using: &random),
                drops = Int.random(in: 0..<8, using: &random)
            var members: [(String, JSONValue)] = []
            for (index, (key, member)) in zip(object.keys, object.values).enumerated() {
                guard index == place else { members.append((key, member)); continue }
                if drops == 0 { continue }
                members.append((drops == 1 ? key + "x" : key, once(member, depth: depth + 1)))
            }
            return .object(JSONObject(members))
        case .integer(let number) where Int.random(in: 0..<3, using: &random) == 0:
            return .integer(number &+ Int.random(in: -2...2, using: &random))
        default: return Damage.values.randomElement(using: &random) ?? .null
        }
    }

    /// A document with damage to its values, now and then to its bytes.
    public mutating func document(_ value: JSONValue) -> Data {
        let text = Data(damaged(value).serialized().utf8)
        return Int.random(in: 0..<8, using: &random) == 0 ? bytes(text) : text
    }

    /// Lines, some of which are damaged, missing, torn or there twice.
    public mutating func lines(_ values: [JSONValue]) -> Data {
        var result = Data()
        for value in values {
            switch Int.random(in: 0..<12, using: &random) {
            case 0: continue
            case 1: result += Data((value.serialized() + "\n" + value.serialized() + "\n").utf8)
            case 2...6: result += Data((damaged(value).serialized() + "\n").utf8)
            default: result += Data((value.serialized() + "\n").utf8)
            }
        }
        return Int.random(in: 0..<6, using: &random) == 0 ? bytes(result) : result
    }

    /// Bytes of which a few are others, are missing or stand twice, or that end early.
    public mutating func bytes(_ data: Data) -> Data {
        guard !data.isEmpty else { return data }
        var bytes = [UInt8](data)
        for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...9, using: &random)))
            case 2: bytes.insert(contentsOf: Array("{[\"\\:-,1e999".utf8).shuffled(using: &random).prefix(3), at: place)
            case 3: bytes.removeSubrange(place...)
            default: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 20)], at: place)
            }
        }
        return Data(bytes)
    }

    /// A binary file with numbers in it: as ``bytes(_:)``, and numbers of four or eight bytes that are others, large ones above all.
    public mutating func numbers(_ file: [UInt8]) -> [UInt8] {
        if Int.random(in: 0..<4, using: &random) == 0 { return [UInt8](bytes(Data(file))) }
        var result = file
        let extremes: [UInt64] = [0, 1, 2, 31, 32, 1 << 31, 1 << 32, 1 << 62, 1 << 63, .max, .max - 31]
        for _ in 0..<Int.random(in: 1...2, using: &random) {
            let size = Bool.random(using: &random) ? 4 : 8
            guard result.count > size else { continue }
            let place = Int.random(in: 0...result.count - size, using: &random)
            let number = extremes.randomElement(using: &random) ?? 0
            for index in 0..<size { result[place + index] = UInt8(truncatingIfNeeded: number >> (8 * UInt64(index))) }
        }
        return result
    }

    /// Settings as YAML or anything else of lines `key: value`, a few of whose values are others.
    public mutating func settings(_ text: String) -> String {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let place = Int.random(in: 0..<lines.count, using: &random)
            let value = (Damage.values.randomElement(using: &random) ?? .null).serialized()
            switch Int.random(in: 0..<10, using: &random) {
            case 0: lines.remove(at: place)
            case 1: lines.insert(lines[place], at: place)
            case 2: lines[place] = String(decoding: bytes(Data(lines[place].utf8)), as: UTF8.self)
            default:
                if let colon = lines[place].range(of: ": ") {
                    lines[place] = lines[place][..<colon.upperBound] + value
                } else {
                    lines[place] += " " + value
                }
            }
            if lines.isEmpty { lines = [""] }
        }
        return lines.joined(separator: "\n")
    }
}

/// How often readers took what they were given, and how often they said why not.
public struct Survival: CustomStringConvertible {
    /// Files that were read.
    public private(set) var read = 0
    /// Files that were refused in one line.
    public private(set) var refused = 0
    /// What was said in no line, or in several.
    public private(set) var faults: [String] = []

    /// Nothing yet.
    public init() {}

    /// Lets a reader read. What it throws must be one line.
    public mutating func of(_ number: Int, _ read: () throws -> Void) {
        do {
            try read()
            self.read += 1
        } catch {
            refused += 1
            let line = "\(error)"
            if line.isEmpty || line.contains(where: \.isNewline) || line.count > 3000 {
                faults.append("case \(number): \(line.prefix(300))")
            }
        }
    }

    public var description: String { "\(read) read, \(refused) refused, \(faults.count) not in one line" }
}
