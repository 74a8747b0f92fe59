import Foundation
import JSON
import LanguageModel
import Runs

/// What an evaluation says of a pair: the fraction of variance explained, which never stands without its controls.
///
/// Read from what `nla eval --json` prints, of one pair or several, and from the `evaluation.json` of `nla train pair`.
public struct PublishedScores: Sendable, Equatable {
    /// What the reconstructor was given, and the fraction of variance that it then explains; nil where that was not measured.
    public struct Row: Sendable, Equatable {
        /// `the explanation`, `nothing`, …
        public let title: String
        /// The fraction.
        public let value: Double?
        /// Its 95% interval over documents, if there is one.
        public let interval: ClosedRange<Double>?
    }

    /// The explanation, then the controls.
    public let rows: [Row]
    /// The teacher's text and the explanation, on the rows that the teacher explains, and how many; nil without a teacher.
    public let teacher: (rows: [Row], count: Int)?
    /// Rows that were explained.
    public let count: Int
    /// Their split, where the file says it, and the documents that they are of.
    public let split: String?, documents: Int?
    /// The set that the denominator was computed on.
    public let varianceSet: String
    /// What was read, without the places of this machine.
    let json: JSONValue

    /// Whether two say the same.
    public static func == (one: PublishedScores, other: PublishedScores) -> Bool { one.json == other.json }

    /// Reads a file. Throws a one-line error for anything else, and for several pairs of which none lies in `folder`.
    public init(_ file: URL, of folder: URL?) throws {
        func fail(_ reason: String) -> ModelError { ModelError("\(file.path): \(reason)") }
        guard let data = FileManager.default.contents(atPath: file.path) else { throw fail("cannot be read") }
        guard var object = try? JSONValue.parse(data).object else {
            throw fail("no JSON object; write one with nla eval --json")
        }
        if let pairs = object["pairs"]?.array {
            let own = folder?.resolvingSymlinksInPath().path
            let found = pairs.first {
                $0["folder"]?.string.map { URL(fileURLWithPath: $0).resolvingSymlinksInPath().path } == own
            }
            guard own != nil, var chosen = found?.object else {
                let names = pairs.prefix(5).compactMap { $0["name"]?.string }.joined(separator: ", ")
                throw fail(
                    "is about \(pairs.count) pairs (\(names)), none of them in this folder; evaluate this one alone")
            }
            for key in ["split", "documents", "resamples", "seed"] { chosen[key] = object[key] }
            object = chosen
        }
        object["folder"] = nil
        object["name"] = nil
        let json = JSONValue.object(object)
        guard let explanations = json["explanations"], explanations["fve"]?.double != nil,
            let count = json["rows"]?.int,
            let set = json["variance"]?["set"]?.string,
            ExplanationJudge.Reading.allCases.allSatisfy({ explanations[$0.metric] != nil })
        else { throw fail("is no evaluation of a pair with its controls; write one with nla eval --json") }
        self.json = json
        self.count = count
        varianceSet = set
        split = json["split"]?.string
        documents = json["documents"]?.int
        rows = ExplanationJudge.Reading.allCases.map { reading in
            Row(
                title: reading.title, value: explanations[reading.metric]?.double,
                interval: PublishedScores.interval(json, reading.metric))
        }
        if let written = json["explanations_where_taught"]?["fve"]?.double, let taught = json["teacher"]?["fve"]?.double
        {
            teacher = (
                [
                    Row(
                        title: "the explanation", value: written,
                        interval: PublishedScores.interval(json, "fve_where_taught")),
                    Row(
                        title: "the teacher's text", value: taught,
                        interval: PublishedScores.interval(json, "fve_teacher")),
                ], json["taught_rows"]?.int ?? 0
            )
        } else {
            teacher = nil
        }
    }

    private static func interval(_ json: JSONValue, _ measure: String) -> ClosedRange<Double>? {
        guard let low = json["measures"]?[measure]?["low"]?.double,
            let high = json["measures"]?[measure]?["high"]?.double,
            low <= high
        else { return nil }
        return low...high
    }
}
