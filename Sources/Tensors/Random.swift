import Foundation

/// A small, fast, repeatable generator (SplitMix64; Steele, Lea and Flood 2014). Not for secrets.
///
/// Streams with different keys are independent for every practical purpose, so a generator can be keyed by what it is for:
/// `Random(seed: run, 3, document)`.
public struct Random: Sendable {
    /// The whole state: saving it resumes the stream.
    public var state: UInt64

    /// A stream of its own for each combination of seed and keys.
    public init(seed: UInt64, _ keys: UInt64...) {
        state = seed
        for key in keys {
            state ^= Random.mixed(key &+ 0x9E37_79B9_7F4A_7C15)
            state = next()
        }
    }

    /// A 64-bit key for a name (FNV-1a; Fowler, Noll and Vo).
    public static func key(_ name: String) -> UInt64 {
        name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    @usableFromInline
    static func mixed(_ value: UInt64) -> UInt64 {
        var z = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// 64 random bits.
    @inlinable
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Random.mixed(state)
    }

    /// Uniform in [0, 1) with 53 random bits.
    public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// Standard normal (Box and Muller; one of the pair is thrown away, so that the stream has no hidden state).
    public mutating func normal() -> Double {
        let radius = (-2 * log(1 - uniform())).squareRoot()
        return radius * cos(2 * .pi * uniform())
    }
}

extension Tensor {
    /// Normal random values with the given standard deviation.
    public static func random(
        _ shape: [Int], deviation: Float = 1, using generator: inout Random
    ) -> Tensor {
        var values = [Float](repeating: 0, count: shape.reduce(1, *))
        for i in values.indices { values[i] = Float(generator.normal()) * deviation }
        return Tensor(values, shape: shape)
    }
}

extension Tensor {
    /// Uniform random values of mean 0 and the given standard deviation, fast: for models of random weights.
    public static func uniform(_ shape: [Int], _ type: ElementType, deviation: Float, seed: UInt64) -> Tensor {
        let tensor = Tensor(uninitialized: shape, type)
        Kernels.fillRandom(tensor, deviation: deviation, seed: UInt32(truncatingIfNeeded: seed ^ seed >> 32))
        return tensor
    }
}
