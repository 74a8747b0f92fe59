import ArgumentParser
import Autoencoder
import Evaluation
import Foundation
import JointTraining
import LanguageModel
import Tensors

/// What the files of a published pair leave open, for all commands that open one.
struct OpeningOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The activations' block (0-based), where the sidecar names none.", valueName: "k"))
    var layer: Int?

    @Option(
        help: ArgumentHelp(
            "How the vector enters the verbalizer: replace, or norm-matched, which adds it to a block's output, of block 1 by default; published sidecars do not say.",
            valueName: "replace|norm-matched[@block]"))
    var injection: String?

    @Option(help: ArgumentHelp("Norm of the injected vector: a number, sqrt_d_model, or raw.", valueName: "norm"))
    var injectionScale: String?

    @Option(
        help: ArgumentHelp(
            "The base model of a folder that holds a PEFT adapter alone; by default the one that it names.",
            valueName: "dir"))
    var base: String?

    @Flag(
        help:
            "Take a target, or activations, whose content hash is not the recorded one: that it is the same model stored in another way is your word. A copy by nla quantize needs no such flag."
    )
    var anyStorage = false

    /// Which weights may stand in for those that were recorded.
    var storage: TargetStorage { anyStorage ? .any : .quantized }

    func validate() throws {
        if let layer, !(0..<10_000).contains(layer) { throw ValidationError("--layer must be between 0 and 9999.") }
        if let injection, InjectionPlace(injection) == nil {
            throw ValidationError("--injection is replace, norm-matched or norm-matched@BLOCK.")
        }
        if let injectionScale, Sidecar.Scale(injectionScale) == nil {
            throw ValidationError("--injection-scale is a number above 0, sqrt_d_model or raw.")
        }
    }

    /// What is added to the sidecars.
    func supplement() throws -> SidecarSupplement {
        SidecarSupplement(
            layer: layer, injection: injection.flatMap(InjectionPlace.init),
            injectionScale: injectionScale.flatMap(Sidecar.Scale.init),
            base: try baseFolder())
    }

    /// The folder that `--base` names.
    func baseFolder() throws -> URL? { try base.map { try ModelLocation.resolve($0) } }
}

/// The target of a pair, for all commands that read texts with one.
struct TargetChoice: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The target, where the pair's folder has none: a folder, a PEFT adapter's too, or org/name.",
            valueName: "dir"))
    var target: String?

    @Option(
        help: ArgumentHelp("A PEFT adapter over the target: a folder or org/name.", valueName: "dir"))
    var adapter: String?

    /// The folder that `--adapter` names.
    func adapterFolder() throws -> URL? { try adapter.map { try ModelLocation.resolve($0) } }
}

/// Where a pair lies: in one folder, or in two as pairs are published.
protocol PairNaming {
    /// The folder with both halves.
    var whole: String? { get }
    var av: String? { get }
    var ar: String? { get }
    var opening: OpeningOptions { get }
}

extension PairNaming {
    /// Throws unless exactly one place is named; `name` is what the whole pair's is called.
    func checkPlace(_ name: String) throws {
        guard (whole != nil) != (av != nil), (av != nil) == (ar != nil) else {
            throw ValidationError("Give \(name), or --av and --ar.")
        }
    }

    /// The pair's own folder; nil where the halves were named apart.
    func folder() throws -> URL? { try whole.map { try ModelLocation.resolve($0, need: .pair) } }

    /// Its folders; no target where the halves were named apart.
    func folders() throws -> (verbalizer: URL, reconstructor: URL, target: URL?) {
        if let av, let ar { return (try ModelLocation.resolve(av), try ModelLocation.resolve(ar), nil) }
        let folders = Pair.folders(try ModelLocation.resolve(whole ?? "", need: .pair))
        return (folders.verbalizer, folders.reconstructor, folders.target)
    }

    /// The target that is named, or that lies in the pair's folder, if there is one.
    func target(named name: String?) throws -> URL? {
        if let name { return try ModelLocation.resolve(name) }
        guard let own = try folders().target, FileManager.default.fileExists(atPath: own.path) else { return nil }
        return own
    }

    /// Opens it, and says what was inferred.
    ///
    /// - Returns: the pair, and the folder that a target and a confidence are looked for in.
    func open(precision: Precision?, _ shared: SharedOptions) throws -> (pair: Pair, folder: URL) {
        let supplement = try opening.supplement()
        let pair: Pair, folder: URL
        if av != nil {
            let halves = try folders()
            folder = halves.verbalizer
            pair = try Pair(
                verbalizer: halves.verbalizer, reconstructor: halves.reconstructor, precision: precision, supplement)
        } else {
            folder = try ModelLocation.resolve(whole ?? "", need: .pair)
            pair = try Pair(folder: folder, precision: precision, supplement)
        }
        for line in pair.inferences { shared.note(line) }
        return (pair, folder)
    }
}

/// The place of a pair that a command works with.
struct PairPlace: ParsableArguments, PairNaming {
    @Option(help: ArgumentHelp("Folder with av/, ar/ and, optionally, target/.", valueName: "dir"))
    var nla: String?

    @Option(help: ArgumentHelp("The verbalizer, in place of --nla: a folder or org/name.", valueName: "dir"))
    var av: String?

    @Option(help: ArgumentHelp("The reconstructor, with --av.", valueName: "dir"))
    var ar: String?

    @OptionGroup var opening: OpeningOptions

    var whole: String? { nla }

    func validate() throws { try checkPlace("--nla") }
}

/// The place of a pair that a command is about.
struct PairArgument: ParsableArguments, PairNaming {
    @Argument(
        help: ArgumentHelp("The pair: a folder with av/, ar/ and, optionally, target/, or org/name.", valueName: "pair")
    )
    var pair: String?

    @Option(help: ArgumentHelp("The same.", valueName: "dir"))
    var nla: String?

    @Option(help: ArgumentHelp("The verbalizer, in place of a pair's folder: a folder or org/name.", valueName: "dir"))
    var av: String?

    @Option(help: ArgumentHelp("The reconstructor, with --av.", valueName: "dir"))
    var ar: String?

    @OptionGroup var opening: OpeningOptions

    var whole: String? { pair ?? nla }

    func validate() throws {
        if pair != nil && nla != nil { throw ValidationError("Give only one of PAIR and --nla.") }
        try checkPlace("a pair")
    }
}

/// The pairs that a command measures beside one another.
struct PairList: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Folder with av/, ar/ and, optionally, target/, or a checkpoint of a run, or org/name; name=… names it; several to compare them with the first.",
            valueName: "dir"))
    var nla: [String] = []

    @Option(help: ArgumentHelp("The verbalizer, in place of --nla: a folder or org/name.", valueName: "dir"))
    var av: String?

    @Option(help: ArgumentHelp("The reconstructor, with --av.", valueName: "dir"))
    var ar: String?

    @OptionGroup var opening: OpeningOptions

    func validate() throws {
        guard nla.isEmpty != (av == nil), (av != nil) == (ar != nil) else {
            throw ValidationError("Give --nla, or --av and --ar.")
        }
    }

    /// Where they lie. Of two halves that were named apart the verbalizer's folder stands for both.
    func candidates() throws -> [PairComparison.Candidate] {
        guard let av else { return try PairComparison.Candidate.read(nla).map { try $0.located() } }
        var both = try PairComparison.Candidate.read([av])
        both[0].folder = try ModelLocation.resolve(av)
        return both
    }

    /// Opens one of them, and says what was inferred.
    func open(_ folder: URL, _ precision: Precision?, _ shared: SharedOptions) throws -> Pair {
        let supplement = try opening.supplement(), pair: Pair
        if let ar {
            pair = try Pair(
                verbalizer: folder, reconstructor: ModelLocation.resolve(ar), precision: precision, supplement)
        } else {
            pair = try Pair.open(folder, precision: precision, supplement)
        }
        for line in pair.inferences { shared.note(line) }
        return pair
    }
}
