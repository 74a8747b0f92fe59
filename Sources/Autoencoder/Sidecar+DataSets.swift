import Foundation
import LanguageModel
import Tensors

/// What stands beside activations: a data set's sidecar says what they are of (docs/method.md §2). A file's has its name with
/// `.nla_meta.yaml` behind, a folder's lies in it.
extension Sidecar {
    /// The sidecar of raw activations.
    ///
    /// - Parameter storage: how the weights of the model that they are of are stored.
    public static func dataSet(
        width: Int, layer: Int, target: TargetIdentity? = nil, storage: String? = nil
    ) -> Sidecar {
        var sidecar = Sidecar(role: .dataset, width: width, layer: layer, lossScale: .untouched, target: target)
        sidecar.targetStorage = storage
        return sidecar
    }

    /// Where the sidecar of a file of activations stands.
    public static func place(beside file: URL) -> URL {
        file.deletingLastPathComponent().appendingPathComponent("\(file.lastPathComponent).\(fileName)")
    }

    /// Reads the sidecar of a file of activations; nil if it has none. Throws one-line errors.
    public static func read(beside file: URL) throws -> Sidecar? {
        let place = place(beside: file)
        guard FileManager.default.fileExists(atPath: place.path) else { return nil }
        return try Sidecar(file: place)
    }

    /// Reads what stands beside files of activations that are read as one: a sidecar beside each or some of them, or one in their folder;
    /// nil if there is none. Throws one-line errors, also where two of them are about different activations.
    public static func read(beside files: [URL]) throws -> (sidecar: Sidecar, place: URL)? {
        var found: (sidecar: Sidecar, place: URL)?
        func add(_ sidecar: Sidecar, _ place: URL) throws {
            if let found {
                try sidecar.check(found.sidecar, at: place, against: found.place.path)
            } else {
                found = (sidecar, place)
            }
        }
        for file in files { if let sidecar = try read(beside: file) { try add(sidecar, place(beside: file)) } }
        guard files.count > 1 else { return found }
        for folder in Set(files.map { $0.deletingLastPathComponent() }).sorted(by: { $0.path < $1.path }) {
            let place = folder.appendingPathComponent(fileName)
            guard FileManager.default.fileExists(atPath: place.path) else { continue }
            let sidecar = try Sidecar(file: place)
            // A model's own is about other things.
            if sidecar.role == .dataset { try add(sidecar, place) }
        }
        return found
    }

    /// Writes a file of activations with its sidecar. One that an earlier file of this name left is gone before the new file is there.
    ///
    /// - Parameter sidecar: nil where no single one fits, as for the activations of several blocks.
    public static func write(_ sidecar: Sidecar?, beside file: URL, _ body: () throws -> Void) throws {
        let place = place(beside: file)
        if unlink(place.path) != 0, errno != ENOENT {
            throw ModelError("\(place.path): cannot write: \(String(cString: strerror(errno)))")
        }
        try body()
        if let sidecar { try AtomicFile.write(sidecar.yaml, to: place) }
    }

    /// Throws unless this is the sidecar of a data set, and its activations are what a model or a manifest with another one is about.
    ///
    /// - Parameters:
    ///   - place: of this sidecar.
    ///   - name: what the other one is of: "this autoencoder".
    public func check(_ other: Sidecar, at place: URL, against name: String) throws {
        func fail(_ own: String, _ theirs: String) -> ModelError {
            ModelError(
                "\(place.path): activations \(own), \(name) \(theirs); they do not belong together, extract the activations again"
            )
        }
        try expect(.dataset, place)
        guard width == other.width else { throw fail("of \(width) numbers", "has \(other.width)") }
        guard layer == other.layer else {
            throw fail("at the output of block \(layer)", "is about block \(other.layer)")
        }
        if let own = target?.hash, let theirs = other.target?.hash, own.lowercased() != theirs.lowercased() {
            throw fail("of the model \(own.prefix(12))…", "is about \(theirs.prefix(12))…")
        }
    }
}
