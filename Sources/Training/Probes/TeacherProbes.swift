import Foundation

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
