import Activations
import Autoencoder
import Claims
import Foundation
import JSON
import LanguageModel
import Runs
import Tensors

/// Rows of a store with their explanations: what a warm start learns from.
public struct TaughtRows: Sendable {
    /// Rows of the store.
    public private(set) var rows: [Int] = []
    /// What a teacher wrote about each.
    public private(set) var explanations: [String] = []

    /// The rows of a split that a teacher's file explains, under the names `document#position`. Throws if there are none, and if the
    /// file's sidecar says that it is about activations of another model or block.
    public init(_ store: ActivationStore, split: String, _ teacher: JSONLTeacher) throws {
        try store.check(teacher)
        for row in try store.rows(ofSplit: split) {
            guard let explanation = teacher[store.id(of: row)] else { continue }
            rows.append(row)
            explanations.append(explanation)
        }
        guard !rows.isEmpty else {
            throw ModelError(
                "\(teacher.place): explains none of the rows of the split \(split) of \(store.folder.path)")
        }
    }

    /// Rows with explanations that are in memory.
    public init(rows: [Int], explanations: [String]) {
        require(rows.count == explanations.count, "an explanation for each row")
        self.rows = rows
        self.explanations = explanations
    }

    /// How many there are.
    public var count: Int { rows.count }

    /// The first `count`, spread evenly over all of them.
    public func spread(_ count: Int) -> TaughtRows {
        guard count < rows.count else { return self }
        let places = (0..<count).map { $0 * rows.count / count }
        return TaughtRows(rows: places.map { rows[$0] }, explanations: places.map { explanations[$0] })
    }
}

extension ActivationStore {
    /// Writes explanations of this store's rows, lines of ``TaughtExplanation``, with a sidecar that says which activations they are
    /// about. Throws a one-line error.
    public func writeExplanations(_ lines: String, to file: URL) throws {
        try Sidecar.write(sidecar, beside: file) { try TaughtExplanation.write(lines, to: file) }
    }

    /// What stands beside files about these activations.
    public var sidecar: Sidecar { manifest.settings.sidecar }

    /// Throws if the sidecar of a teacher's file, where it has one, says that its explanations are about other activations.
    public func check(_ teacher: JSONLTeacher) throws {
        do {
            guard let found = try Sidecar.read(beside: teacher.files) else { return }
            try found.sidecar.check(sidecar, at: found.place, against: folder.path)
        } catch let error as ModelError {
            throw TrainingError("\(teacher.place): its explanations are not of this store's activations: \(error)")
        }
    }

    /// A row's name in teacher files: `document#position`.
    public func id(of row: Int) -> String {
        TeacherRequest.id(document: document(of: row).id, position: self.row(row).position)
    }
}
