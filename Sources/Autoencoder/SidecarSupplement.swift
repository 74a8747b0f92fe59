import Foundation
import LanguageModel

/// What a person adds to a sidecar: published ones leave things open that only their authors know.
///
/// Options say how the vector enters, whatever the file says. The layer is a fact: one that the file contradicts is refused.
public struct SidecarSupplement: Sendable, Equatable {
    /// K.
    public var layer: Int?
    /// How the vector enters the verbalizer.
    public var injection: InjectionPlace?
    /// The norm of the injected vector.
    public var injectionScale: Sidecar.Scale?
    /// The base model of a folder that holds an adapter alone.
    public var base: URL?
    /// K of the pair's reconstructor, for a verbalizer whose file names none.
    var reconstructorLayer: Int?

    /// Nothing is added, or what is given.
    public init(
        layer: Int? = nil, injection: InjectionPlace? = nil, injectionScale: Sidecar.Scale? = nil, base: URL? = nil
    ) {
        self.layer = layer
        self.injection = injection
        self.injectionScale = injectionScale
        self.base = base
    }
}

/// A method of injection with the block it is about, as options and run files name them: `replace`, `norm-matched`, `norm-matched@3`;
/// `norm_matched_add` and `norm_matched_add@3` say the same.
public struct InjectionPlace: Sendable, Equatable, CustomStringConvertible {
    /// How the vector enters.
    public var method: InjectionMethod
    /// For an addition: the block to whose output the vector is added.
    public var block: Int

    /// The block of published pairs: they add with a hook on `layers[1]`.
    public static let defaultBlock = 1

    /// A method, and a block for an addition.
    public init(_ method: InjectionMethod, block: Int = InjectionPlace.defaultBlock) {
        self.method = method
        self.block = block
    }

    /// Reads an option's text; nil if it says nothing known.
    public init?(_ text: String) {
        let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        guard let method = InjectionMethod(name: String(parts[0])) else { return nil }
        self.init(method)
        guard parts.count == 2 else { return }
        guard method == .normMatchedAdd, parts[1].allSatisfy(\.isASCII), let block = Int(parts[1]),
            (0..<10_000).contains(block)
        else { return nil }
        self.block = block
    }

    /// As it is written: without the block where that is the usual one.
    public var description: String {
        method == .replace || block == InjectionPlace.defaultBlock ? method.rawValue : "\(method.rawValue)@\(block)"
    }
}

extension InjectionMethod {
    /// The method that a file or an option means: words may be joined by hyphens or underscores, `add` may be left out.
    init?(name: String) {
        let word = name.lowercased().replacingOccurrences(of: "-", with: "_")
        guard let method = InjectionMethod(rawValue: word == "norm_matched" ? "norm_matched_add" : word) else {
            return nil
        }
        self = method
    }
}

extension Sidecar.Scale {
    /// Reads `150`, `1.5e2`, `sqrt_d_model`, `raw` or `none`; nil if it is none of these, or no length.
    public init?(_ text: String) {
        let word = text.trimmingCharacters(in: .whitespaces)
        switch word.lowercased() {
        case "sqrt_d_model": self = .rootOfWidth
        case "raw", "none": self = .untouched
        default:
            guard let number = Double(word), number.isFinite, number > 0, number < 1e30 else { return nil }
            self = .norm(number)
        }
    }
}
