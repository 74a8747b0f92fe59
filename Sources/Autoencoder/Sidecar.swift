import Foundation
import LanguageModel

/// `nla_meta.yaml`: what a verbalizer or a reconstructor must know beside its weights (docs/method.md §2).
///
/// Everything the method leaves open is in here, so that nothing of it is hard-coded: the layer, the prompts, the marker with its
/// neighbours, the scale of the injected vector. It is read, checked against the live tokenizer, and refused on drift.
///
///     let sidecar = try Sidecar(folder: av)
///     let prompt = try VerbalizerPrompt(sidecar, tokenizer)
public struct Sidecar: Sendable, Equatable {
    /// What the file stands beside.
    public enum Role: String, Sendable {
        /// activation → text
        case verbalizer = "av"
        /// text → activation
        case reconstructor = "ar"
        /// Activations with texts (`kind: nla_dataset`).
        case dataset
    }

    /// The length of a vector: `150.0`, `null` (also `raw`, `none`) or `sqrt_d_model`.
    public enum Scale: Sendable, Equatable {
        /// Scaled to this norm.
        case norm(Double)
        /// Left as it is.
        case untouched
        /// Scaled to √d.
        case rootOfWidth

        /// The norm for vectors of `width` numbers; nil for those left as they are.
        public func norm(width: Int) -> Double? {
            switch self {
            case .norm(let norm): norm
            case .untouched: nil
            case .rootOfWidth: Double(width).squareRoot()
            }
        }
    }

    /// The token whose place the activation takes.
    public struct Marker: Sendable, Equatable {
        /// The character in the template.
        public var text: String
        /// Its id.
        public var id: Int32
        /// The ids before and behind it in the rendered prompt.
        public var leftNeighbor: Int32, rightNeighbor: Int32

        /// A marker.
        public init(text: String, id: Int32, leftNeighbor: Int32, rightNeighbor: Int32) {
            self.text = text
            self.id = id
            self.leftNeighbor = leftNeighbor
            self.rightNeighbor = rightNeighbor
        }
    }

    /// The frozen model whose activations are meant.
    public struct TargetIdentity: Sendable, Equatable {
        /// `TargetHash` of its weights.
        public var hash: String
        /// What people call it.
        public var name: String?

        /// A target.
        public init(hash: String, name: String? = nil) {
            self.hash = hash
            self.name = name
        }
    }

    /// What it stands beside.
    public var role: Role
    /// d: the width of the activations.
    public var width: Int
    /// K: the 0-based block behind which the activations are read.
    public var layer: Int
    /// The norm of the injected vector.
    public var injectionScale: Scale
    /// The norm both vectors have in the loss as the training code names it; scores here always use √d (docs/method.md §3).
    public var lossScale: Scale
    /// How the vector enters the verbalizer.
    public var injection: InjectionMethod
    /// For an addition: the 0-based block to whose output the vector is added.
    public var injectionBlock: Int
    /// The marker; a verbalizer needs one.
    public var marker: Marker?
    /// Ids that the reconstructor's prompt ends with, whatever the explanation; empty if unknown.
    public var reconstructorSuffix: [Int32]
    /// The user message of the verbalizer, with `{injection_char}`.
    public var verbalizerTemplate: String?
    /// The verbalizer's messages where the template is a list of them; `verbalizerTemplate` is then the one with the marker.
    public var verbalizerMessages: [TemplateMessage]?
    /// The text the reconstructor reads, with `{explanation}`.
    public var reconstructorTemplate: String?
    /// The target, if it was recorded.
    public var target: TargetIdentity?
    /// How the target's weights were stored when its activations were read (`Checkpoint.storage`: `bf16`, `mlx 4-bit group 64`), if it was
    /// recorded.
    public var targetStorage: String?
    /// The denominator of FVE, with the set it was computed on, if it was recorded.
    public var variance: RawVariance?
    /// What the file leaves open and was found elsewhere, a line each: `layer 20, from extraction_layer_index`.
    public var inferences: [String] = []

    /// A sidecar from its parts.
    public init(
        role: Role, width: Int, layer: Int, injectionScale: Scale = .untouched, lossScale: Scale = .rootOfWidth,
        injection: InjectionMethod = .replace, injectionBlock: Int = InjectionPlace.defaultBlock, marker: Marker? = nil,
        reconstructorSuffix: [Int32] = [],
        verbalizerTemplate: String? = nil, reconstructorTemplate: String? = nil, target: TargetIdentity? = nil,
        variance: RawVariance? = nil
    ) {
        self.role = role
        self.width = width
        self.layer = layer
        self.injectionScale = injectionScale
        self.lossScale = lossScale
        self.injection = injection
        self.injectionBlock = injectionBlock
        self.marker = marker
        self.reconstructorSuffix = reconstructorSuffix
        self.verbalizerTemplate = verbalizerTemplate
        self.reconstructorTemplate = reconstructorTemplate
        self.target = target
        self.variance = variance
    }

    /// The file's name in a model folder.
    public static let fileName = "nla_meta.yaml"
    /// The version written. Data sets are also read in version 1, and files by hand name none.
    public static let schemaVersion = 2

    /// Refuses another role. `folder` is for the message.
    func expect(_ wanted: Role, _ folder: URL) throws {
        guard role != wanted else { return }
        func word(_ role: Role) -> String {
            switch role {
            case .verbalizer: "a verbalizer (role av)"
            case .reconstructor: "a reconstructor (role ar)"
            case .dataset: "a data set"
            }
        }
        throw ModelError("\(folder.path): this is \(word(role)); \(word(wanted)) is needed here")
    }
}
