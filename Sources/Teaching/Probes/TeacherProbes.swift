import Activations
import Claims
import Foundation
import LanguageModel
import Tensors

/// The probes that a teacher asks: one set for all documents, or two, each fitted to the other half.
public enum TeacherProbes: Sendable {
    /// Fitted to documents that are not taught.
    case apart(ProbeSet)
    /// Fitted to halves of the documents; each row is read by the set that has not seen its document.
    case crossFit(CrossFitProbes)

    /// Opens either kind for a store's activations. Throws a `ModelError` if they read another model, layer or width.
    public init(folder: URL, matching store: ActivationStore) throws {
        if FileManager.default.fileExists(atPath: CrossFitProbes.folder(of: 0, in: folder).path) {
            self = .crossFit(try CrossFitProbes(folder: folder, matching: store))
        } else {
            self = .apart(try ProbeSet(folder: folder, matching: store))
        }
    }

    /// The contents of a folder with either kind. Throws a `ModelError` for one without probes.
    package static func hash(folder: URL) throws -> String {
        let halves = (0..<2).map { CrossFitProbes.folder(of: $0, in: folder) }
        let isHalved = FileManager.default.fileExists(atPath: halves[0].path)
        return try (isHalved ? halves : [folder]).map(ProbeSet.hash).joined(separator: " ")
    }

    /// Splits that must not be explained with these probes, which were fitted to them.
    public var fittedSplits: Set<String> {
        switch self {
        case .apart(let set): Set(set.fittedSplits ?? [])
        case .crossFit: []
        }
    }

    /// Throws a `ModelError` for splits that they were fitted to, where they would find what they have learnt by heart.
    public func check(unfitted splits: [String]) throws {
        guard let own = splits.first(where: fittedSplits.contains) else { return }
        throw ModelError(
            "the split \(own): the probes were fitted to its documents, and would find in them what they learnt there; leave it out, or fit with nla data probes --cross-fit"
        )
    }

    /// What the probes read from one vector.
    package struct Reading {
        private let all: ProbeReading
        private let row: Int

        fileprivate init(_ all: ProbeReading, row: Int) {
            self.all = all
            self.row = row
        }

        /// How probable a fact is; nil if no probe reads its question.
        package func probability(_ fact: Fact) -> Float? { all.probability(of: fact, row: row) }
        /// The likeliest answer; nil if no probe reads the question.
        package func best(_ question: Question) -> String? { all.best(question, row: row)?.value }
    }

    /// Reads some rows of a store, each with the probes that have not met its document.
    package func readings(_ store: ActivationStore, rows: [Int]) -> [Reading] {
        readings(store.vectors(rows), documents: rows.map { store.document(of: $0).id })
    }

    /// Reads vectors [n, d], each with the probes that have not met its document.
    package func readings(_ vectors: Tensor, documents: [String]) -> [Reading] {
        require(vectors.rows == documents.count, "a document for each vector")
        var result = [Reading?](repeating: nil, count: documents.count)
        for (number, set) in sets.enumerated() {
            let places = documents.indices.filter { self.set(for: documents[$0]) == number }
            let reading = set.read(vectors.gatheringRows(places.map(Int32.init)))
            for (row, place) in places.enumerated() { result[place] = Reading(reading, row: row) }
        }
        return result.map { reading in
            guard let reading else { trap("a row that no set of probes reads") }
            return reading
        }
    }

    var sets: [ProbeSet] {
        switch self {
        case .apart(let set): [set]
        case .crossFit(let probes): probes.halves
        }
    }

    func set(for documentID: String) -> Int {
        switch self {
        case .apart: 0
        case .crossFit: 1 - CrossFitProbes.half(of: documentID)
        }
    }
}

extension ActivationStore {
    /// Calls `body` with some rows one after the other, and with what probes that have not met its document read in each; nil without
    /// probes. Vectors are read a batch at a time.
    func forEach(
        of rows: [Int], readBy probes: TeacherProbes?,
        _ body: (_ row: Int, _ reading: TeacherProbes.Reading?) throws -> Void
    ) rethrows {
        for begin in stride(from: 0, to: rows.count, by: 2048) {
            let batch = Array(rows[begin..<min(rows.count, begin + 2048)])
            let readings = probes?.readings(self, rows: batch)
            for (index, row) in batch.enumerated() { try body(row, readings?[index]) }
        }
    }
}
