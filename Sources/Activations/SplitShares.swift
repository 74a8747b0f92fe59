import Foundation
import LanguageModel
import Tensors

/// Which part of training each document is for: its split, of which it has exactly one.
///
///     let shares = try SplitShares("av=0.5,ar=0.3,held-out=0.2")
///     shares.split(of: document.id, seed: 0)
///
/// The split follows from seed and document id alone, so that collections can grow without documents changing sides.
public struct SplitShares: Sendable, Equatable {
    /// Names with their shares, in the order given; they sum to 1.
    public let shares: [(name: String, share: Double)]

    /// Everything in one split.
    public init(all name: String) { shares = [(name, 1)] }

    /// Reads `name=share,name=share`. Throws a `ModelError` unless the shares are positive and sum to 1, under different names.
    public init(_ text: String) throws {
        var shares: [(name: String, share: Double)] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let sides = part.split(separator: "=", omittingEmptySubsequences: false)
            let name = sides[0].trimmingCharacters(in: .whitespaces)
            guard sides.count == 2, !name.isEmpty, let share = Double(sides[1].trimmingCharacters(in: .whitespaces)),
                share > 0, share <= 1
            else { throw ModelError("splits \(text): «\(part)» is not name=share with a share between 0 and 1") }
            guard !shares.contains(where: { $0.name == name }) else {
                throw ModelError("splits \(text): \(name) stands there twice")
            }
            shares.append((name, share))
        }
        let sum = shares.reduce(0) { $0 + $1.share }
        guard abs(sum - 1) < 1e-6 else {
            throw ModelError("splits \(text): the shares sum to \(String(format: "%g", sum)); they must sum to 1")
        }
        self.shares = shares
    }

    /// The split of a document.
    public func split(of documentID: String, seed: UInt64) -> String {
        var random = Random(seed: seed, Random.key(documentID), Random.key("split"))
        var rest = random.uniform()
        for (name, share) in shares.dropLast() {
            if rest < share { return name }
            rest -= share
        }
        return shares[shares.count - 1].name
    }

    public static func == (left: SplitShares, right: SplitShares) -> Bool {
        left.shares.elementsEqual(right.shares) { $0 == $1 }
    }
}
