import Autoencoder
import Claims
import Foundation
import JSON
import LanguageModel
import Tensors

extension ConfidenceModel {
    /// Its name in the folder of a pair.
    public static let fileName = "confidence.json"
    private static let format = "interlinear-confidence", version = 3

    /// Writes it. Throws a one-line error.
    public func write(to file: URL) throws { try AtomicFile.write(json.serialized(indent: 2) + "\n", to: file) }

    /// Reads what ``write(to:)`` wrote. Throws a one-line error.
    public init(_ file: URL) throws {
        let json: JSONValue
        do { json = try JSONValue.parse(Data(contentsOf: file)) } catch {
            throw ModelError("\(file.path): cannot be read as JSON (\(error)); make it anew with nla verify")
        }
        do { self = try ConfidenceModel(json: json) } catch let error as FieldError {
            throw ModelError(
                "\(file.path): is no confidence model of this version (\(error.field): \(error.reason)); make it anew with nla verify"
            )
        }
    }

    var json: JSONValue {
        [
            "format": .string(ConfidenceModel.format), "version": .integer(ConfidenceModel.version),
            "grammar": .string(grammar.rawValue),
            "samples": .integer(collecting.samples), "temperature": .number(Double(collecting.temperature)),
            "reach": .integer(collecting.reach), "max_tokens": .integer(collecting.maximumTokens),
            "variance": ["raw": .number(variance.variance), "set": .string(variance.set)],
            "verbalizer": .string(readers.verbalizer), "reconstructor": .string(readers.reconstructor),
            "second_reader": readers.second.map { .string($0) } ?? .null,
            "examples": .integer(examples), "bias": .number(bias),
            "terms": .array(
                terms.map {
                    [
                        "ingredient": .string($0.ingredient.rawValue), "mean": .number($0.mean),
                        "deviation": .number($0.deviation), "coefficient": .number($0.coefficient),
                    ]
                }),
            "log_odds": .number(allQuestions),
            "questions": .array(
                questions.sorted { $0.key < $1.key }.map {
                    [
                        "subject": .string($0.key.subject), "relation": .string($0.key.relation),
                        "log_odds": .number($0.value.logOdds), "effect": .number($0.value.effect),
                    ]
                }),
        ]
    }

    /// What is wrong with a field of a file.
    private struct FieldError: Error {
        let field: String, reason: String
    }

    /// A field of a file, or of a part of one, checked. What passes leaves no arithmetic on it undefined.
    private struct Field {
        let json: JSONValue
        var place = ""

        func fail(_ key: String, _ reason: String) -> FieldError { FieldError(field: place + key, reason: reason) }

        func number(_ key: String, in range: ClosedRange<Double>) throws -> Double {
            guard let number = json[key]?.double, range.contains(number) else {
                throw fail(key, "no number between \(range.lowerBound) and \(range.upperBound)")
            }
            return number
        }

        func integer(_ key: String, in range: ClosedRange<Int>) throws -> Int {
            guard let number = json[key]?.int, range.contains(number) else {
                throw fail(key, "no whole number between \(range.lowerBound) and \(range.upperBound)")
            }
            return number
        }

        func text(_ key: String) throws -> String {
            guard let text = json[key]?.string else { throw fail(key, "no text") }
            return text
        }

        func word<Word: RawRepresentable>(_ key: String) throws -> Word where Word.RawValue == String {
            guard let word = Word(rawValue: try text(key)) else { throw fail(key, "not known") }
            return word
        }

        func list(_ key: String) throws -> [Field] {
            guard let list = json[key]?.array, list.count <= 100_000 else { throw fail(key, "no list, or too long") }
            return list.enumerated().map { Field(json: $1, place: "\(place)\(key)[\($0)].") }
        }
    }

    /// Larger coefficients are those of no fit.
    private static let extent = -1e9...1e9

    private init(json: JSONValue) throws {
        let file = Field(json: json), extent = ConfidenceModel.extent
        guard json["format"]?.string == ConfidenceModel.format else {
            throw file.fail("format", "not \(ConfidenceModel.format)")
        }
        guard json["version"]?.int == ConfidenceModel.version else {
            throw file.fail("version", "not \(ConfidenceModel.version)")
        }
        grammar = try file.word("grammar")
        var collecting = EvidenceCollector.Options()
        collecting.samples = try file.integer("samples", in: 1...1024)
        collecting.temperature = Float(try file.number("temperature", in: 0...100))
        collecting.reach = try file.integer("reach", in: 0...256)
        collecting.maximumTokens = try file.integer("max_tokens", in: 1...1 << 16)
        self.collecting = collecting
        let measure = Field(json: json["variance"] ?? .null, place: "variance.")
        variance = RawVariance(variance: try measure.number("raw", in: 1e-300...1e9), set: try measure.text("set"))
        readers = Readers(
            verbalizer: try file.text("verbalizer"), reconstructor: try file.text("reconstructor"),
            second: json["second_reader"]?.isNull ?? true ? nil : try file.text("second_reader"))
        examples = try file.integer("examples", in: 0...Int(Int32.max))
        bias = try file.number("bias", in: extent)
        terms = try file.list("terms").map { term in
            Term(
                ingredient: try term.word("ingredient"), mean: try term.number("mean", in: extent),
                deviation: try term.number("deviation", in: 1e-10...1e9),
                coefficient: try term.number("coefficient", in: extent))
        }
        let known = try file.list("questions").map { entry in
            (
                Question(subject: try entry.text("subject"), relation: try entry.text("relation")),
                Standing(
                    logOdds: try entry.number("log_odds", in: extent), effect: try entry.number("effect", in: extent))
            )
        }
        questions = Dictionary(known) { first, _ in first }
        allQuestions = try file.number("log_odds", in: extent)
    }
}
