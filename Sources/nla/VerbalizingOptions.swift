import ArgumentParser
import Autoencoder
import Foundation
import LanguageModel
import Tensors

/// How explanations are written, for all commands that write some.
struct VerbalizingOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Temperature; 0 always takes the most probable token.", valueName: "x"))
    var temperature: Float?

    @Option(help: ArgumentHelp("Tokens of an explanation at most.", valueName: "n"))
    var maxTokens = 200

    @Option(help: "Arithmetic: f32 or bf16; by default f32 for float32 weights, else what this CPU multiplies faster.")
    var dtype: Dtype?

    func validate() throws {
        if let temperature, !temperature.isFinite || temperature < 0 {
            throw ValidationError("--temperature must not be negative.")
        }
        if maxTokens < 1 || maxTokens > 1 << 16 {
            throw ValidationError("--max-tokens must be between 1 and \(1 << 16).")
        }
    }

    /// The options; several samples want a temperature to differ.
    func options(samples: Int = 1, seed: UInt64) -> Verbalizer.Options {
        Verbalizer.Options(
            temperature: temperature ?? (samples > 1 ? 1 : 0), maximumTokens: maxTokens, samples: samples, seed: seed)
    }
}

extension Dtype {
    /// The precision asked for, or nil for the weights' own.
    static func asked(_ dtype: Dtype?) throws -> Precision? { try dtype.map { try resolve($0) } }
}

/// Whole numbers separated by commas.
func integers(_ list: String, _ option: String) throws -> [Int] {
    try list.split(separator: ",", omittingEmptySubsequences: false).map { part in
        guard let number = Int(part.trimmingCharacters(in: .whitespaces)) else {
            throw ModelError("\(option) \(list): «\(part)» is no whole number")
        }
        return number
    }
}

/// Opens the target of a pair: the one named, or the one in its folder.
///
/// - Parameters:
///   - options: `--target` and `--adapter`.
///   - name: what stands for `--target` where that is not given.
///   - base: what `--base` names, for a target that is an adapter.
///   - storage: which weights may stand in for those that the pair was trained on.
func openTarget(
    _ pair: Pair, _ folder: URL, _ options: TargetChoice, else name: String? = nil, base: URL? = nil,
    storage: TargetStorage = .recorded, _ shared: SharedOptions
) throws -> Target {
    try openTarget(
        pair, folder, named: options.target ?? name, adapter: options.adapterFolder(), base: base, storage: storage,
        quiet: shared.quiet)
}

/// The same for commands without the shared options.
func openTarget(
    _ pair: Pair, _ folder: URL, named name: String?, adapter: URL? = nil, base: URL? = nil,
    storage: TargetStorage = .recorded, quiet isQuiet: Bool
) throws -> Target {
    let own = Pair.folders(folder).target
    let place: URL
    if let name {
        place = try ModelLocation.resolve(name)
    } else if FileManager.default.fileExists(atPath: own.path) {
        place = own
    } else {
        throw ModelError("\(folder.path): has no folder target; give the target with --target")
    }
    let target = try pair.openTarget(place, base: base, adapter: adapter, allowsAdapter: true, storage: storage) {
        share in
        if !isQuiet { Output.note(String(format: "checking the target: %.0f%%", 100 * share)) }
    }
    if let adapter = target.adapter, !isQuiet {
        Output.note("target: \(target.checkpoint.folder.path) with the adapter \(adapter.path)")
    }
    if !isQuiet { target.checkpoint.quantizationRemarks.forEach { Output.note("note: \($0)") } }
    if pair.targetHash == nil, !isQuiet {
        Output.note("note: the sidecars record no target hash, so the target is not checked")
    }
    return target
}
